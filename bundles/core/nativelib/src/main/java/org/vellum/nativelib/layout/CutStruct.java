// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

import org.vellum.nativelib.NativeRegion;

/** {@code struct vellum_cut}. */
public final class CutStruct extends Struct {
    public static final StructLayout LAYOUT = new StructLayout("vellum_cut");
    private static final int DIRTY_PAGES = LAYOUT.int64("dirty_pages");
    private static final int CHANGED_LINES = LAYOUT.int64("changed_lines");
    private static final int BATCH_LENGTH = LAYOUT.int64("batch_length");
    private static final int GATE_NANOSECONDS = LAYOUT.int64("gate_nanoseconds");

    public CutStruct() {
        super(LAYOUT);
    }

    public NativeRegion.Cut read() {
        return new NativeRegion.Cut(get(DIRTY_PAGES), get(CHANGED_LINES), get(BATCH_LENGTH), get(GATE_NANOSECONDS));
    }
}
