// SPDX-License-Identifier: Apache-2.0
/**
 * The on-store format: what each byte of a header sector, a batch and a table entry means, encoded and decoded. No
 * class here calls a file. It depends on no other package of this bundle.
 */
package org.vellum.store.image.format;
