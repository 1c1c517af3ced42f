// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

import org.vellum.nativelib.NativeRegion;

/** {@code struct vellum_in_place_commit}. */
public final class InPlaceCommitStruct extends Struct {
    public static final StructLayout LAYOUT = new StructLayout("vellum_in_place_commit");
    private static final int EPOCH = LAYOUT.int64("epoch");
    private static final int DIRTY_PAGES = LAYOUT.int64("dirty_pages");
    private static final int GATE_NANOSECONDS = LAYOUT.int64("gate_nanoseconds");

    public InPlaceCommitStruct() {
        super(LAYOUT);
    }

    public NativeRegion.InPlaceCommit read() {
        return new NativeRegion.InPlaceCommit(get(EPOCH), get(DIRTY_PAGES), get(GATE_NANOSECONDS));
    }
}
