// SPDX-License-Identifier: Apache-2.0
/**
 * The structures that Java and C share, field by field in C's names and order ({@code native/include/vellum/layout.h}).
 * {@code LayoutTest} compares each with what the library says of itself.
 */
package org.vellum.nativelib.layout;
