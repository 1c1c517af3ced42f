// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.undo;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.zip.CRC32C;
import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.home.PageCheck;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.StoreFile;

/**
 * What an undo file says: the committed epoch, and the pre-images of pages that have been stored to since. Only reads;
 * the file need not be mapped.
 *
 * <p>A slot is <em>live</em> if it is of the file's opening, of the epoch behind the epoch word, and fits its checksum.
 * Any other one either holds nothing, or power went before its store to the page was allowed, or it is damaged. It is
 * damaged for certain
 * <ul>
 *   <li>if a live slot says that it was durable ({@code complete}),
 *   <li>or if it names a page, and that page does not fit its page checksum: then the store was allowed. Checksums are
 *       those of committed content, for a commit changes them only for pages that have live slots.
 * </ul>
 */
public final class UndoScan {
    /** Headers read with one call. */
    private static final int WINDOW = 1024;

    /** A live slot. */
    public record Slot(int index, long page) {}

    private final NativeCore core;
    private final String region;
    private final StoreFile file;
    private final ImageIdentity image;
    private final List<Slot> live = new ArrayList<>();
    /** Slots that name a page of this epoch and do not fit their checksum. */
    private final List<Slot> torn = new ArrayList<>();

    private final BitSet durable = new BitSet();
    private final BitSet pages = new BitSet();
    private long opening;
    private long epoch;
    private long complete;
    private int completeSaidBy;

    private UndoScan(NativeCore core, String region, StoreFile file, ImageIdentity image) {
        this.core = core;
        this.region = region;
        this.file = file;
        this.image = image;
    }

    /**
     * Reads an undo file.
     *
     * @param home the home image's file
     * @param checkpoint its checkpoint, which says that it is written in place
     * @throws DamagedImageException the file is not whole, is another image's or of another moment, or has lost a pre-image
     */
    public static UndoScan read(
            NativeCore core, String region, StoreFile file, StoreFile home, ImageIdentity image, Checkpoint checkpoint)
            throws FileFailure {
        UndoScan scan = new UndoScan(core, region, file, image);
        scan.readHeader();
        if (scan.epoch < checkpoint.homeEpoch()) {
            throw scan.damaged(
                    UndoFile.EPOCH_WORD_AT,
                    "the epoch word says epoch " + scan.epoch + ", but " + home.path()
                            + " was at epoch " + checkpoint.homeEpoch()
                            + " before it was written in place: the files are not of"
                            + " one moment");
        }
        scan.readSlots();
        scan.refuseLostPreImages(new PageCheck(core, home, image));
        return scan;
    }

    /** The last committed epoch. */
    public long epoch() {
        return epoch;
    }

    /** The slots to be put back, each of another page, in the order in which they were taken. */
    public List<Slot> live() {
        return List.copyOf(live);
    }

    private long contentOffset(int index) {
        return UndoFile.slotContents(image.pages()) + (long) index * NativeCore.PAGE_SIZE;
    }

    private static long headerOffset(int index) {
        return UndoFile.SLOT_HEADERS + (long) index * UndoFile.SLOT_HEADER;
    }

    /** @param memory room for a page */
    public void readContent(Slot slot, NativeMemory memory) throws FileFailure {
        file.read(memory.address(), NativeCore.PAGE_SIZE, contentOffset(slot.index));
    }

    private void readHeader() throws FileFailure {
        long size = file.size();
        long expectedSize = UndoFile.fileSize(image.pages());
        if (size < expectedSize) {
            throw damaged(
                    size,
                    "the undo file ends after " + size + " bytes instead of " + expectedSize + ": it was truncated");
        }
        try (NativeMemory memory = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            file.read(memory.address(), NativeCore.PAGE_SIZE, 0);
            ByteBuffer header = memory.view(0, NativeCore.PAGE_SIZE);
            if (header.getLong(0) != UndoFile.MAGIC) {
                throw damaged(
                        0,
                        "the undo file begins with " + Sector.hexadecimal(header.getLong(0)) + " instead of "
                                + Sector.hexadecimal(UndoFile.MAGIC));
            }
            int found = header.getInt(UndoFile.CHECKSUM_AT);
            int expected = UndoFile.headerChecksum(header);
            if (found != expected) {
                throw damaged(
                        0,
                        "the undo file's header has checksum " + Sector.hexadecimal(found) + " instead of "
                                + Sector.hexadecimal(expected));
            }
            int version = header.getInt(UndoFile.VERSION_AT);
            if (version != Sector.FORMAT_VERSION) {
                throw damaged(0, Sector.unknownVersion("the undo file", version).getMessage());
            }
            if (header.getLong(UndoFile.REGION_AT) != image.identity()) {
                throw damaged(
                        0,
                        "the undo file belongs to region identity "
                                + Sector.hexadecimal(header.getLong(UndoFile.REGION_AT)) + " instead of "
                                + Sector.hexadecimal(image.identity()));
            }
            if (header.getLong(UndoFile.PAGES_AT) != image.pages()) {
                throw damaged(
                        0,
                        "the undo file is for " + header.getLong(UndoFile.PAGES_AT) + " pages instead of "
                                + image.pages());
            }
            opening = header.getLong(UndoFile.OPENING_AT);
            long word = header.getLong((int) UndoFile.EPOCH_WORD_AT);
            epoch = UndoFile.epochOf(word);
            if (word != UndoFile.epochWord(epoch, opening)) {
                throw damaged(
                        UndoFile.EPOCH_WORD_AT,
                        "the epoch word is " + Sector.hexadecimal(word) + " instead of "
                                + Sector.hexadecimal(UndoFile.epochWord(epoch, opening)) + " for epoch " + epoch);
            }
        }
    }

    private void readSlots() throws FileFailure {
        int slots = Math.toIntExact(image.pages());
        try (NativeMemory headers = new NativeMemory(core, (long) WINDOW * UndoFile.SLOT_HEADER);
                NativeMemory content = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            for (int first = 0; first < slots; first += WINDOW) {
                int count = Math.min(WINDOW, slots - first);
                file.read(headers.address(), (long) count * UndoFile.SLOT_HEADER, headerOffset(first));
                for (int i = 0; i < count; i++) {
                    ByteBuffer header = headers.view((long) i * UndoFile.SLOT_HEADER, UndoFile.SLOT_HEADER);
                    if (isOfThisEpoch(header)) {
                        readSlot(first + i, header, content);
                    }
                }
            }
        }
    }

    private boolean isOfThisEpoch(ByteBuffer header) {
        return header.getLong(0) == UndoFile.SLOT_MAGIC
                && header.getLong(UndoFile.SLOT_OPENING_AT) == opening
                && header.getLong(UndoFile.SLOT_EPOCH_AT) == epoch + 1;
    }

    private void readSlot(int index, ByteBuffer header, NativeMemory content) throws FileFailure {
        Slot slot = new Slot(index, header.getLong(UndoFile.SLOT_PAGE_AT));
        readContent(slot, content);
        int found = header.getInt(UndoFile.SLOT_CHECKSUM_AT);
        header.putInt(UndoFile.SLOT_CHECKSUM_AT, 0);
        CRC32C checksum = new CRC32C();
        checksum.update(header);
        checksum.update(content.view(0, NativeCore.PAGE_SIZE));
        boolean inside = slot.page >= 0 && slot.page < image.pages();
        if (found != (int) checksum.getValue()) {
            if (inside) {
                torn.add(slot);
            }
            return;
        }
        if (!inside || pages.get((int) slot.page)) {
            throw damaged(
                    headerOffset(index),
                    "the slot fits its checksum but names page " + slot.page
                            + (inside ? ", as an earlier one does" : ", which is outside of the region"));
        }
        pages.set((int) slot.page);
        durable.set(index);
        live.add(slot);
        if (header.getLong(UndoFile.SLOT_COMPLETE_AT) > complete) {
            complete = header.getLong(UndoFile.SLOT_COMPLETE_AT);
            completeSaidBy = index;
        }
    }

    private void refuseLostPreImages(PageCheck home) throws FileFailure {
        int missing = durable.nextClearBit(0);
        if (missing < complete) {
            throw damaged(
                    headerOffset(missing),
                    "the pre-image in slot " + missing + " is missing: slot "
                            + completeSaidBy + " says that the first " + complete
                            + " were durable. Last committed epoch: "
                            + epoch);
        }
        for (Slot slot : torn) {
            // A slot is torn into words, so the page may be one that an older use of the slot named. Of a page with a
            // live slot nothing is lost.
            if (!pages.get((int) slot.page) && !home.fits(slot.page)) {
                throw damaged(
                        headerOffset(slot.index),
                        "slot " + slot.index + " does not fit its checksum, and page "
                                + slot.page
                                + ", which it names, was stored to and does not fit its own: the page's content at"
                                + " epoch " + epoch + " is lost");
            }
        }
    }

    private DamagedImageException damaged(long offset, String sentence) {
        return HomeImage.damaged(region, file, offset, sentence);
    }
}
