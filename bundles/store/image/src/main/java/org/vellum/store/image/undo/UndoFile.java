// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.undo;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.SecureRandom;
import java.util.zip.CRC32C;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/**
 * The file {@code <region>.vellum-undo}, there once a region was opened in place: what its pages held before they were
 * stored to, and the epoch that counts.
 *
 * <pre>
 *          0  magic "VELLUMUN"       8  format version, 4     16  region identity
 *         24  opening, random       32  pages                 60  CRC-32C of bytes 0 to 59
 *         64  epoch word: epoch in the low 48 bits, check in the high 16; a line of its own
 *       4096  slot headers, 64 bytes each, padded to a page
 *          …  slot contents, 4096 bytes each
 * </pre>
 *
 * A slot's header ({@code native/include/vellum/undo_log.h}):
 *
 * <pre>
 *    0  magic "VELLUMPI"    8  page       16  epoch     24  complete: so many slots, the first ones, were durable before
 *   32  opening                                         60  CRC-32C of the header, this field taken as zero, and content
 * </pre>
 *
 * <p>There is a slot for each page. Only the native half writes slots and moves the epoch word on: one 8-byte store, which
 * makes all slots of an epoch void. Here the header is written, anew whenever a region begins to be written in place,
 * and before the checkpoint says so: until then the file means nothing, and a header torn by a crash is harmless. Its
 * random number of the opening is part of every slot and of the check of the epoch word, so nothing that an earlier
 * opening left behind can be taken for this one's.
 */
public final class UndoFile implements AutoCloseable {
    static final long MAGIC = 0x4e554d554c4c4556L; // "VELLUMUN"
    static final int HEADER_BYTES = 64;
    static final int VERSION_AT = 8;
    static final int REGION_AT = 16;
    public static final int OPENING_AT = 24;
    static final int PAGES_AT = 32;
    static final int CHECKSUM_AT = 60;
    public static final long EPOCH_WORD_AT = 64;
    static final int EPOCH_BITS = 48;

    public static final long SLOT_MAGIC = 0x49504d554c4c4556L; // "VELLUMPI"
    public static final int SLOT_HEADER = 64;
    public static final int SLOT_PAGE_AT = 8;
    public static final int SLOT_EPOCH_AT = 16;
    public static final int SLOT_COMPLETE_AT = 24;
    public static final int SLOT_OPENING_AT = 32;
    public static final int SLOT_CHECKSUM_AT = 60;

    public static final long SLOT_HEADERS = NativeCore.PAGE_SIZE;

    private static final VarHandle WORD = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final StoreFile file;
    private final long address;
    private final long pages;
    private final ByteBuffer header;

    private UndoFile(NativeCore core, StoreFile file, long address, long pages) {
        this.file = file;
        this.address = address;
        this.pages = pages;
        header = core.view(address, NativeCore.PAGE_SIZE).order(ByteOrder.LITTLE_ENDIAN);
    }

    public static long slotContents(long pages) {
        return SLOT_HEADERS
                + ImageIdentity.roundUp(Math.multiplyExact(pages, (long) SLOT_HEADER), NativeCore.PAGE_SIZE);
    }

    public static long fileSize(long pages) {
        return Math.addExact(slotContents(pages), Math.multiplyExact(pages, (long) NativeCore.PAGE_SIZE));
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

    public static long epochOf(long word) {
        return word & (1L << EPOCH_BITS) - 1;
    }

    static int headerChecksum(ByteBuffer header) {
        CRC32C checksum = new CRC32C();
        checksum.update(header.slice(0, CHECKSUM_AT));
        return (int) checksum.getValue();
    }

    /**
     * Makes the file ready for a new opening in place: room for every slot, a new header, an epoch word that says {@code
     * epoch}; all durable, the file's name too. The checkpoint must not say "in place" meanwhile.
     *
     * @throws FileFailure a file that was not there before has been removed again
     */
    public static UndoFile prepare(NativeCore core, StoreFiles files, ImageFiles names, ImageIdentity image, long epoch)
            throws FileFailure {
        boolean isNew = !files.exists(names.undo());
        StoreFile file = files.open(names.undo(), true);
        boolean complete = false;
        try {
            file.closeToOthers();
            file.allocate(0, fileSize(image.pages()));
            file.makeReal(0, fileSize(image.pages()), false);
            writeHeader(core, file, image, new SecureRandom().nextLong(), epoch);
            file.syncData(PersistPoint.UNDO_HEADER);
            files.syncDirectory(names.directory(), PersistPoint.UNDO_NAME);
            UndoFile ready = new UndoFile(core, file, file.mapping().orElseThrow(), image.pages());
            complete = true;
            return ready;
        } finally {
            if (!complete) {
                file.close();
                if (isNew) {
                    files.delete(names.undo());
                }
            }
        }
    }

    private static void writeHeader(NativeCore core, StoreFile file, ImageIdentity image, long opening, long epoch)
            throws FileFailure {
        try (NativeMemory page = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            ByteBuffer header = page.view(0, NativeCore.PAGE_SIZE)
                    .putLong(0, MAGIC)
                    .putInt(VERSION_AT, Sector.FORMAT_VERSION)
                    .putLong(REGION_AT, image.identity())
                    .putLong(OPENING_AT, opening)
                    .putLong(PAGES_AT, image.pages())
                    .putLong((int) EPOCH_WORD_AT, epochWord(epoch, opening));
            header.putInt(CHECKSUM_AT, headerChecksum(header));
            file.write(page.address(), NativeCore.PAGE_SIZE, 0);
        }
    }

    /** Of the mapping, where the native half writes. */
    public long headerAddress() {
        return address;
    }

    public long slotHeadersAddress() {
        return address + SLOT_HEADERS;
    }

    public long slotContentsAddress() {
        return address + slotContents(pages);
    }

    public long slots() {
        return pages;
    }

    /** The last committed epoch, as the native half has it now; any thread. */
    public long epoch() {
        return epochOf((long) WORD.getAcquire(header, (int) EPOCH_WORD_AT));
    }

    /** Fails unless it is where the next open looks for it. */
    public void requireNamed(ImageFiles names) throws FileFailure {
        file.requireNamed(names.undo());
    }

    @Override
    public void close() {
        file.close();
    }
}
