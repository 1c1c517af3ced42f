// SPDX-License-Identifier: Apache-2.0
/** How shared objects that bundles carry are loaded. Knows JNA, and nothing of what is in them. */
package org.vellum.nativelib.loading;
