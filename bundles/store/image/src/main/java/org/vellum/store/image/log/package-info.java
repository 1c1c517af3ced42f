// SPDX-License-Identifier: Apache-2.0
/**
 * The log of batches: appended to by commits, emptied by the trimmer, which writes home what it holds. It depends on
 * {@code home}, {@code format} and {@code medium}.
 */
package org.vellum.store.image.log;
