// SPDX-License-Identifier: Apache-2.0
/**
 * The home image: its header with the two checkpoint slots, its pages with their checksums, and the committed view of
 * it in memory. The only code that writes any of these. It depends on {@code format} and {@code medium}.
 */
package org.vellum.store.image.home;
