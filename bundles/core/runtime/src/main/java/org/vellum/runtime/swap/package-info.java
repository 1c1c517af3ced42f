// SPDX-License-Identifier: Apache-2.0
/**
 * Which providers an open region is composed of, and how others take their place: swaps, the store that goes and comes back, moves of
 * the image ({@link org.vellum.runtime.swap.Composition}). Depends on {@code commit}, whose scheme and image it changes, on {@code
 * providers}, {@code state}, {@code services} and {@code waiting}.
 */
package org.vellum.runtime.swap;
