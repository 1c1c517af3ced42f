// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * Undo in place on persistent memory: the application stores into the image, whose lines may be evicted at any time.
 * Wrong if its commit writes back only lines that differ from what they were: a line that went 3, 5, 3 may be 5.
 */
final class ToyUndoStore implements Subject {
    private static final String NAME = "/undo";
    private static final int LINE = 64;
    private static final int IMAGE = 4096;
    private static final int LOG = 8192;
    /** Epoch, check, pre-image. */
    private static final int SLOT = 3 * LINE;

    private final boolean changedLinesOnly;

    ToyUndoStore(boolean changedLinesOnly) {
        this.changedLinesOnly = changedLinesOnly;
    }

    @Override
    public String name() {
        return "toy undo store" + (changedLinesOnly ? ", changed lines only" : "");
    }

    @Override
    public List<String> persistPoints() {
        return List.of(
                "creation",
                "creation-name",
                "pre-image",
                "lines",
                "lines-fence",
                "epoch",
                "epoch-fence",
                "recovery-lines",
                "recovery-fence");
    }

    @Override
    public void run(RecordingMedium medium) {
        medium.begun(0, new byte[2 * LINE]);
        Open store = new Open(medium);
        medium.acknowledged(0);
        store.store(0, 3);
        store.store(1, 4);
        store.commit();
        store.store(0, 5);
        store.store(0, 3);
        store.commit();
        store.store(1, 6);
        store.store(0, 7);
        store.commit();
    }

    @Override
    public void recover(RecordingMedium medium) {
        Open store = new Open(medium);
        medium.recovered(store.epoch(), store.content());
        store.store(1, (int) (10 + store.epoch()));
        store.commit();
    }

    private static final class Logged {
        final byte[] before;

        Logged(byte[] before) {
            this.before = before;
        }
    }

    private final class Open {
        private final RecordingMedium medium;
        private final MediumFile file;
        private final Logged[] logged = new Logged[2];

        Open(RecordingMedium medium) {
            this.medium = medium;
            if (!medium.exists(NAME)) {
                MediumFile created = medium.create(NAME + ".new", MediumKind.BYTE_ADDRESSABLE);
                created.allocate(0, LOG + 2 * SLOT);
                created.syncData("creation");
                medium.rename(NAME + ".new", NAME);
            }
            medium.syncDirectory("/", "creation-name");
            file = medium.open(NAME);
            // a process that was killed has left lines in the cache: what is relied on must be durable
            file.writeBack(0, file.size(), "recovery-lines");
            for (int line = 0; line < 2; line++) {
                byte[] slot = file.read(LOG + line * SLOT, SLOT);
                long slotEpoch = ByteBuffer.wrap(slot).getLong();
                if (slotEpoch == epoch() + 1 && ByteBuffer.wrap(slot).getLong(LINE) == check(slotEpoch, before(slot))) {
                    file.store(IMAGE + line * LINE, before(slot), Event.StoreKind.CACHED);
                    file.writeBack(IMAGE + line * LINE, LINE, "recovery-lines");
                }
            }
            medium.fence("recovery-fence");
        }

        private byte[] before(byte[] slot) {
            return Arrays.copyOfRange(slot, 2 * LINE, 3 * LINE);
        }

        private long check(long epoch, byte[] before) {
            return 31 * epoch + Arrays.hashCode(before) + 1;
        }

        long epoch() {
            return ByteBuffer.wrap(file.read(0, 8)).getLong();
        }

        byte[] content() {
            return file.read(IMAGE, 2 * LINE);
        }

        void store(int line, int value) {
            if (logged[line] == null) {
                byte[] before = file.read(IMAGE + line * LINE, LINE);
                ByteBuffer slot = ByteBuffer.allocate(SLOT);
                slot.putLong(0, epoch() + 1).putLong(LINE, check(epoch() + 1, before));
                slot.put(2 * LINE, before);
                file.store(LOG + line * SLOT, slot.array(), Event.StoreKind.NON_TEMPORAL);
                medium.fence("pre-image");
                logged[line] = new Logged(before);
            }
            byte[] word = ByteBuffer.allocate(8).putLong(value).array();
            file.store(IMAGE + line * LINE, word, Event.StoreKind.APPLICATION);
            file.store(IMAGE + line * LINE + 56, word, Event.StoreKind.APPLICATION);
        }

        void commit() {
            long next = epoch() + 1;
            medium.begun(next, content());
            for (int line = 0; line < 2; line++) {
                byte[] now = file.read(IMAGE + line * LINE, LINE);
                if (logged[line] != null && !(changedLinesOnly && Arrays.equals(now, logged[line].before))) {
                    file.writeBack(IMAGE + line * LINE, LINE, "lines");
                }
                logged[line] = null;
            }
            medium.fence("lines-fence");
            file.store(0, ByteBuffer.allocate(8).putLong(next).array(), Event.StoreKind.CACHED);
            file.writeBack(0, 8, "epoch");
            medium.fence("epoch-fence");
            medium.acknowledged(next);
        }
    }
}
