// SPDX-License-Identifier: Apache-2.0
/**
 * Moves between stores: the files of an image that arrives, and which of the two images of a move is the region's. It
 * depends on {@code creation}, {@code home}, {@code format} and {@code medium}; an open image is not needed.
 */
package org.vellum.store.image.move;
