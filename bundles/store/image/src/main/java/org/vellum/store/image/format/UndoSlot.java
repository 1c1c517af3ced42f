// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.format;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * The header of a slot in an undo file: of which page, and of which epoch, the slot's content is the pre-image. Only
 * the native half writes one ({@code native/include/vellum/undo_log.h}).
 *
 * <pre>
 *    0  magic "VELLUMPI"    8  page       16  epoch     24  complete
 *   32  opening                                         60  CRC-32C of the header, this field taken as zero, and content
 * </pre>
 *
 * @param epoch in which the page was stored to; committed, the slot is void
 * @param complete so many slots, the first ones, were durable before this one was written
 * @param opening of the file when the slot was written
 */
public record UndoSlot(long page, long epoch, long complete, long opening) {
    public static final int SIZE = 64;
    public static final long MAGIC = 0x49504d554c4c4556L; // "VELLUMPI"
    public static final int PAGE_AT = 8;
    public static final int EPOCH_AT = 16;
    public static final int COMPLETE_AT = 24;
    public static final int OPENING_AT = 32;
    public static final int CHECKSUM_AT = 60;

    /** What a header says, whatever its checksum; null: no slot was written here. */
    public static UndoSlot decode(ByteBuffer header) {
        return header.getLong(0) != MAGIC
                ? null
                : new UndoSlot(
                        header.getLong(PAGE_AT),
                        header.getLong(EPOCH_AT),
                        header.getLong(COMPLETE_AT),
                        header.getLong(OPENING_AT));
    }

    /** Whether header and content of a slot are of one piece; the content's position is left at the end. */
    public static boolean fits(ByteBuffer header, ByteBuffer content) {
        CRC32C checksum = new CRC32C();
        checksum.update(header.slice(0, CHECKSUM_AT));
        checksum.update(new byte[SIZE - CHECKSUM_AT]);
        checksum.update(content);
        return header.getInt(CHECKSUM_AT) == (int) checksum.getValue();
    }
}
