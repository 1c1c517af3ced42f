// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

import org.vellum.nativelib.NativeRegion;

/** {@code struct vellum_swap}. */
public final class SwapStruct extends Struct {
    public static final StructLayout LAYOUT = new StructLayout("vellum_swap");
    private static final int CARRIED_PAGES = LAYOUT.int64("carried_pages");
    private static final int GATE_NANOSECONDS = LAYOUT.int64("gate_nanoseconds");

    public SwapStruct() {
        super(LAYOUT);
    }

    /** @param refusal null, or why the swap did not take place */
    public NativeRegion.Swap read(String refusal) {
        return new NativeRegion.Swap(get(CARRIED_PAGES), get(GATE_NANOSECONDS), refusal);
    }
}
