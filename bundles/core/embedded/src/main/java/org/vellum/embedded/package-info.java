// SPDX-License-Identifier: Apache-2.0
/**
 * Vellum without a framework: {@link org.vellum.embedded.Vellum} puts the runtime and its providers together on a plain class path.
 * Depends on the runtime, the native core and the providers; nothing depends on it.
 */
package org.vellum.embedded;
