// SPDX-License-Identifier: Apache-2.0
/**
 * How files get an image's names: a new image, one brought to a newer format, one that replaces a damaged one. A crash
 * leaves either what was there before, or the whole new image, or a mark that refuses both until the same step is taken
 * again. It depends on {@code log}, {@code home}, {@code format} and {@code medium}.
 */
package org.vellum.store.image.creation;
