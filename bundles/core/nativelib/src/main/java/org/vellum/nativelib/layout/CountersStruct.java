// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

import org.vellum.nativelib.NativeRegion;

/** {@code struct vellum_region_counters}. */
public final class CountersStruct extends Struct {
    public static final StructLayout LAYOUT = new StructLayout("vellum_region_counters");
    private static final int STORE_FAULTS = LAYOUT.int64("store_faults");
    private static final int BLOCKS_WARMED = LAYOUT.int64("blocks_warmed");
    private static final int BLOCK_SIZE = LAYOUT.int64("block_size");
    private static final int STRATEGY_BYTES = LAYOUT.int64("strategy_bytes");
    private static final int PINNED_PAGES = LAYOUT.int64("pinned_pages");
    private static final int UNEXPLAINED_PINNED_BYTES = LAYOUT.int64("unexplained_pinned_bytes");

    public CountersStruct() {
        super(LAYOUT);
    }

    public NativeRegion.Counters read() {
        return new NativeRegion.Counters(
                get(STORE_FAULTS),
                get(BLOCKS_WARMED),
                get(BLOCK_SIZE),
                get(STRATEGY_BYTES),
                get(PINNED_PAGES),
                get(UNEXPLAINED_PINNED_BYTES));
    }
}
