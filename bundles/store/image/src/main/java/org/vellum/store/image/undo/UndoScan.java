// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.undo;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.format.UndoHeader;
import org.vellum.store.image.format.UndoSlot;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.home.PageCheck;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.StoreFile;

/**
 * What an undo file says: the committed epoch, and the pre-images of pages that have been stored to since. The one
 * reader of slots, for recovery and for the offline examination. Only reads; the file need not be mapped.
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

    /** Takes a page and what it held before it was stored to; the memory is used again afterwards. */
    @FunctionalInterface
    public interface PreImages {
        void accept(long page, NativeMemory content) throws FileFailure;
    }

    /** A slot that names a page of this epoch. */
    private record Slot(int index, long page) {}

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
     * @throws DamagedImageException the file is not whole, is another image's or of another moment, or has lost a
     * pre-image
     */
    public static UndoScan read(
            NativeCore core, String region, StoreFile file, StoreFile home, ImageIdentity image, Checkpoint checkpoint)
            throws FileFailure {
        UndoScan scan = new UndoScan(core, region, file, image);
        scan.readHeader();
        if (scan.epoch < checkpoint.homeEpoch()) {
            throw scan.damaged(
                    UndoHeader.EPOCH_WORD_AT,
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

    /** How many pages have a pre-image. */
    public int count() {
        return live.size();
    }

    /** Reads every pre-image, each of another page, in the order in which they were taken. */
    public void forEach(PreImages preImages) throws FileFailure {
        try (NativeMemory content = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            for (Slot slot : live) {
                readContent(slot, content);
                preImages.accept(slot.page, content);
            }
        }
    }

    private void readContent(Slot slot, NativeMemory content) throws FileFailure {
        file.read(content.address(), NativeCore.PAGE_SIZE, UndoHeader.slotContent(image.pages(), slot.index));
    }

    private void readHeader() throws FileFailure {
        long size = file.size();
        long expectedSize = UndoHeader.fileSize(image.pages());
        if (size < expectedSize) {
            throw damaged(
                    size,
                    "the undo file ends after " + size + " bytes instead of " + expectedSize + ": it was truncated");
        }
        try (NativeMemory memory = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            file.read(memory.address(), NativeCore.PAGE_SIZE, 0);
            ByteBuffer page = memory.view(0, NativeCore.PAGE_SIZE);
            UndoHeader header = decodeHeader(page);
            opening = header.opening();
            epoch = decodeEpoch(header, page);
        }
    }

    private UndoHeader decodeHeader(ByteBuffer page) {
        try {
            return UndoHeader.decode(page, image);
        } catch (Sector.Malformed e) {
            throw damaged(0, e.getMessage());
        }
    }

    private long decodeEpoch(UndoHeader header, ByteBuffer page) {
        try {
            return header.epoch(page);
        } catch (Sector.Malformed e) {
            throw damaged(UndoHeader.EPOCH_WORD_AT, e.getMessage());
        }
    }

    private void readSlots() throws FileFailure {
        int slots = Math.toIntExact(image.pages());
        try (NativeMemory headers = new NativeMemory(core, (long) WINDOW * UndoSlot.SIZE);
                NativeMemory content = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            for (int first = 0; first < slots; first += WINDOW) {
                int count = Math.min(WINDOW, slots - first);
                file.read(headers.address(), (long) count * UndoSlot.SIZE, UndoHeader.slotHeader(first));
                for (int i = 0; i < count; i++) {
                    ByteBuffer header = headers.view((long) i * UndoSlot.SIZE, UndoSlot.SIZE);
                    UndoSlot slot = UndoSlot.decode(header);
                    if (slot != null && slot.opening() == opening && slot.epoch() == epoch + 1) {
                        readSlot(new Slot(first + i, slot.page()), slot.complete(), header, content);
                    }
                }
            }
        }
    }

    private void readSlot(Slot slot, long completeBefore, ByteBuffer header, NativeMemory content) throws FileFailure {
        readContent(slot, content);
        boolean inside = slot.page >= 0 && slot.page < image.pages();
        if (!UndoSlot.fits(header, content.view(0, NativeCore.PAGE_SIZE))) {
            if (inside) {
                torn.add(slot);
            }
            return;
        }
        if (!inside || pages.get((int) slot.page)) {
            throw damaged(
                    UndoHeader.slotHeader(slot.index),
                    "the slot fits its checksum but names page " + slot.page
                            + (inside ? ", as an earlier one does" : ", which is outside of the region"));
        }
        pages.set((int) slot.page);
        durable.set(slot.index);
        live.add(slot);
        if (completeBefore > complete) {
            complete = completeBefore;
            completeSaidBy = slot.index;
        }
    }

    private void refuseLostPreImages(PageCheck home) throws FileFailure {
        int missing = durable.nextClearBit(0);
        if (missing < complete) {
            throw damaged(
                    UndoHeader.slotHeader(missing),
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
                        UndoHeader.slotHeader(slot.index),
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
