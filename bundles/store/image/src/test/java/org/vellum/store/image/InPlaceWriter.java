// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;
import org.vellum.api.provider.InPlace;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Persistence;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.PageChecksums;
import org.vellum.store.image.format.UndoHeader;
import org.vellum.store.image.format.UndoSlot;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.TornMemory;

/** Stands in for the native half, which logs pre-images and commits in place; one step at a time, on one thread. */
final class InPlaceWriter {
    static final int PRE_IMAGE = 1;
    static final int COMMIT_PAGE = 2;
    static final int COMMIT_CHECKSUM = 3;
    static final int COMMIT_CONTENT = 4;
    static final int COMMIT_EPOCH = 5;
    static final int COMMITTED = 6;
    static final int ROLLED_BACK = 7;

    private static final int PAGE = NativeCore.PAGE_SIZE;

    private static final int OPENING_AT = 24;

    private final InPlace in;
    private final TornMemory memory;
    private final Persistence persistence;
    private final long home;
    private final long opening;
    /** Pages stored to in this epoch, and their slots. */
    private final Map<Integer, Integer> slots = new LinkedHashMap<>();

    private long epoch;

    InPlaceWriter(TornMemory memory, InPlace in, ImageIdentity identity) {
        this.in = in;
        this.memory = memory;
        persistence = memory.thread();
        // The native core maps the home image itself; here the image's own mapping is as good.
        home = in.pageChecksums() - identity.tableOffset() + identity.homeOffset();
        ByteBuffer header = view(in.undoHeader(), PAGE);
        opening = header.getLong(OPENING_AT);
        epoch = UndoHeader.epochOf(header.getLong((int) UndoHeader.EPOCH_WORD_AT));
    }

    private static ByteBuffer view(long address, int length) {
        return Cores.CORE.memory().view(address, length).order(ByteOrder.LITTLE_ENDIAN);
    }

    long epoch() {
        return epoch;
    }

    /** One line, all bytes {@code value}. */
    void store(int page, int line, int value) {
        if (!slots.containsKey(page)) {
            log(page, slots.size(), slots.size());
        }
        ByteBuffer target = view(home + (long) page * PAGE + line * 64L, 64);
        for (int word = 0; word < 64; word += 8) {
            if (word % 32 == 0) {
                memory.step("store in place");
            }
            target.putLong(word, value * 0x0101010101010101L);
        }
    }

    /** @param complete so many slots are durable; fewer than {@code slot} where other threads are at theirs */
    void log(int page, int slot, int complete) {
        byte[] content = new byte[PAGE];
        if (page < TestStore.PAGES) {
            view(home + (long) page * PAGE, PAGE).get(content);
        }
        ByteBuffer header = ByteBuffer.allocate(UndoSlot.SIZE)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(0, UndoSlot.MAGIC)
                .putLong(UndoSlot.PAGE_AT, page)
                .putLong(UndoSlot.EPOCH_AT, epoch + 1)
                .putLong(UndoSlot.COMPLETE_AT, complete)
                .putLong(UndoSlot.OPENING_AT, opening);
        CRC32C checksum = new CRC32C();
        checksum.update(header.array());
        checksum.update(content);
        header.putInt(UndoSlot.CHECKSUM_AT, (int) checksum.getValue());
        persistence.store(in.undoSlotContents() + (long) slot * PAGE, content, 0, PAGE);
        persistence.store(in.undoSlotHeaders() + (long) slot * UndoSlot.SIZE, header.array(), 0, UndoSlot.SIZE);
        persistence.fence(PRE_IMAGE);
        slots.put(page, slot);
    }

    long commit() {
        for (int page : slots.keySet()) {
            persistence.writeBack(home + (long) page * PAGE, PAGE, COMMIT_PAGE);
            long word = in.pageChecksums() + (page & ~1) * 4L;
            ByteBuffer pair = ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(0, view(word, 8).getLong(0));
            pair.putInt(page % 2 * 4, PageChecksums.entry(view(home + (long) page * PAGE, PAGE)));
            persistence.storeWord(word, pair.getLong(0));
            persistence.writeBack(word, 8, COMMIT_CHECKSUM);
        }
        persistence.fence(COMMIT_CONTENT);
        epoch++;
        long word = in.undoHeader() + UndoHeader.EPOCH_WORD_AT;
        persistence.storeWord(word, UndoHeader.epochWord(epoch, opening));
        persistence.writeBack(word, 8, COMMIT_EPOCH);
        persistence.fence(COMMITTED);
        slots.clear();
        return epoch;
    }

    /** A page keeps its slot: it holds the committed content until the epoch word moves on. */
    void rollback() {
        slots.forEach((page, slot) -> {
            byte[] content = new byte[PAGE];
            view(in.undoSlotContents() + (long) slot * PAGE, PAGE).get(content);
            ByteBuffer target = view(home + (long) page * PAGE, PAGE);
            for (int word = 0; word < PAGE; word += PAGE / 2) {
                memory.step("put back in place");
                target.put(word, content, word, PAGE / 2);
            }
            persistence.writeBack(home + (long) page * PAGE, PAGE, ROLLED_BACK);
        });
        persistence.fence(ROLLED_BACK);
    }
}
