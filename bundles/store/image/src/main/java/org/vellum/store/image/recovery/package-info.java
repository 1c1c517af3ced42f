// SPDX-License-Identifier: Apache-2.0
/**
 * What happens to an image that was not closed in order: batches are replayed from the log, or pre-images are put back
 * from the undo file. It depends on {@code log}, {@code undo}, {@code home}, {@code format} and {@code medium}.
 */
package org.vellum.store.image.recovery;
