// SPDX-License-Identifier: Apache-2.0
/**
 * The undo file, while the native core writes the home image in place: prepared here, and read here after a crash. It
 * depends on {@code home}, {@code format} and {@code medium}.
 */
package org.vellum.store.image.undo;
