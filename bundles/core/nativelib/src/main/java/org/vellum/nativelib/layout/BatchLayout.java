// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

/** {@code struct vellum_batch_header} and {@code struct vellum_batch_entry}; an entry's changed lines follow it. */
public final class BatchLayout {
    public static final StructLayout HEADER = new StructLayout("vellum_batch_header");
    public static final StructLayout ENTRY = new StructLayout("vellum_batch_entry");
    public static final int PAGE = ENTRY.int64("page");
    /** A bit for each line that follows. */
    public static final int LINE_MASK = ENTRY.int64("line_mask");

    static {
        HEADER.int32("magic");
        HEADER.int16("version");
        HEADER.int16("header_size");
        HEADER.int64("epoch");
        HEADER.int64("durable_epoch");
        HEADER.int64("generation");
        HEADER.int64("payload_length");
        HEADER.int64("offset");
        HEADER.int64("region_identity");
        HEADER.int32("entry_count");
        HEADER.int32("checksum");
    }

    private BatchLayout() {}
}
