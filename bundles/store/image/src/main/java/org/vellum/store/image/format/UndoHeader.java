// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.vellum.nativelib.NativeCore;

/**
 * The header of an undo file, and where its slots are.
 *
 * <pre>
 *          0  magic "VELLUMUN"       8  format version, 4     16  region identity
 *         24  opening, random       32  pages                 60  CRC-32C of bytes 0 to 59
 *         64  epoch word: epoch in the low 48 bits, check in the high 16; a line of its own
 *       4096  slot headers, 64 bytes each ({@link UndoSlot}), padded to a page
 *          …  slot contents, 4096 bytes each
 * </pre>
 *
 * <p>There is a slot for each page. The opening is part of every slot and of the check of the epoch word, so nothing
 * that an earlier opening left behind can be taken for this one's.
 *
 * @param identity of the region
 * @param opening a random number for each time the region begins to be written in place
 * @param pages of the region
 */
public record UndoHeader(long identity, long opening, long pages) {
    public static final long EPOCH_WORD_AT = 64;

    /** The header is a page of its own, so the slot headers begin behind it. */
    public static final long SLOT_HEADERS = NativeCore.PAGE_SIZE;

    private static final long MAGIC = 0x4e554d554c4c4556L; // "VELLUMUN"
    private static final int VERSION_AT = 8;
    private static final int IDENTITY_AT = 16;
    private static final int OPENING_AT = 24;
    private static final int PAGES_AT = 32;
    private static final int CHECKSUM_AT = 60;
    private static final int EPOCH_BITS = 48;

    /** Where a slot's header is. */
    public static long slotHeader(long slot) {
        return SLOT_HEADERS + slot * UndoSlot.SIZE;
    }

    /** Where the contents of the slots begin. */
    public static long slotContents(long pages) {
        return SLOT_HEADERS
                + ImageIdentity.roundUp(Math.multiplyExact(pages, (long) UndoSlot.SIZE), NativeCore.PAGE_SIZE);
    }

    /** Where a slot's content is. */
    public static long slotContent(long pages, long slot) {
        return slotContents(pages) + slot * NativeCore.PAGE_SIZE;
    }

    public static long fileSize(long pages) {
        return slotContent(pages, 0) + Math.multiplyExact(pages, (long) NativeCore.PAGE_SIZE);
    }

    /** Writes the header and the epoch word into a page of zeros. */
    public void encode(ByteBuffer page, long epoch) {
        page.putLong(0, MAGIC)
                .putInt(VERSION_AT, Sector.FORMAT_VERSION)
                .putLong(IDENTITY_AT, identity)
                .putLong(OPENING_AT, opening)
                .putLong(PAGES_AT, pages)
                .putLong((int) EPOCH_WORD_AT, epochWord(epoch, opening));
        page.putInt(CHECKSUM_AT, checksum(page));
    }

    /**
     * Of the file's first page.
     *
     * @param image whose undo file it must be
     */
    public static UndoHeader decode(ByteBuffer page, ImageIdentity image) throws Sector.Malformed {
        if (page.getLong(0) != MAGIC) {
            throw new Sector.Malformed("the undo file begins with " + Sector.hexadecimal(page.getLong(0))
                    + " instead of " + Sector.hexadecimal(MAGIC));
        }
        int found = page.getInt(CHECKSUM_AT);
        int expected = checksum(page);
        if (found != expected) {
            throw new Sector.Malformed("the undo file's header has checksum " + Sector.hexadecimal(found)
                    + " instead of " + Sector.hexadecimal(expected));
        }
        int version = page.getInt(VERSION_AT);
        if (version != Sector.FORMAT_VERSION) {
            throw Sector.unknownVersion("the undo file", version);
        }
        UndoHeader header = new UndoHeader(page.getLong(IDENTITY_AT), page.getLong(OPENING_AT), page.getLong(PAGES_AT));
        if (header.identity != image.identity()) {
            throw new Sector.Malformed("the undo file belongs to region identity " + Sector.hexadecimal(header.identity)
                    + " instead of " + Sector.hexadecimal(image.identity()));
        }
        if (header.pages != image.pages()) {
            throw new Sector.Malformed("the undo file is for " + header.pages + " pages instead of " + image.pages());
        }
        return header;
    }

    /** The epoch that the epoch word in the file's first page says. */
    public long epoch(ByteBuffer page) throws Sector.Malformed {
        long word = page.getLong((int) EPOCH_WORD_AT);
        long epoch = epochOf(word);
        if (word != epochWord(epoch, opening)) {
            throw new Sector.Malformed("the epoch word is " + Sector.hexadecimal(word) + " instead of "
                    + Sector.hexadecimal(epochWord(epoch, opening)) + " for epoch " + epoch);
        }
        return epoch;
    }

    private static int checksum(ByteBuffer page) {
        CRC32C checksum = new CRC32C();
        checksum.update(page.slice(0, CHECKSUM_AT));
        return (int) checksum.getValue();
    }

    public static long epochWord(long epoch, long opening) {
        CRC32C checksum = new CRC32C();
        checksum.update(ByteBuffer.allocate(16)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(epoch)
                .putLong(opening)
                .flip());
        return epoch | checksum.getValue() << EPOCH_BITS;
    }

    /** The epoch in an epoch word, without a look at its check. */
    public static long epochOf(long word) {
        return word & (1L << EPOCH_BITS) - 1;
    }
}
