// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

/** What a strategy wants from a page table; mirrors {@code enum vellum_tracking}. */
public enum Tracking {
    /** Be told before the first store to each page. */
    WRITE_PROTECT,
    /** Be told at the cut which pages were stored to. */
    DIRTY_BIT
}
