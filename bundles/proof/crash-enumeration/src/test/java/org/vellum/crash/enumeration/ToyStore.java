// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * A redo log of a few records before a home image of a few words, in one file: right, or wrong in one of the ways in
 * which stores are wrong.
 *
 * <pre>
 *      0  the epoch that the home image holds (4), and the generation of the records behind it (4)
 *   4096  home image
 *   8192  records, one behind the other
 * </pre>
 */
final class ToyStore implements Subject {
    enum Flaw {
        ACKNOWLEDGES_BEFORE_THE_FENCE,
        HAS_NO_CHECKSUM,
        DOES_NOT_SYNC_THE_NAME,
        REUSES_THE_LOG_TOO_EARLY,
        WRITES_HOME_BEFORE_THE_LOG,
        /** A torn record that was dropped is completed by the next one of its epoch, where their bytes are the same. */
        LETS_DROPPED_RECORDS_LIVE
    }

    private static final String NAME = "/toy";
    private static final int WORDS = 12;
    private static final int HOME = 4096;
    private static final int LOG = 8192;
    private static final int RECORDS = 3;
    /** More than a sector, so that it tears. */
    private static final int RECORD = 1024;

    private final MediumKind kind;
    private final Set<Flaw> flaws;

    ToyStore(MediumKind kind, Flaw... flaws) {
        this.kind = kind;
        this.flaws = flaws.length == 0 ? EnumSet.noneOf(Flaw.class) : EnumSet.copyOf(Arrays.asList(flaws));
    }

    @Override
    public String name() {
        return "toy store, " + kind + ", " + flaws;
    }

    @Override
    public List<String> persistPoints() {
        return List.of(
                "creation",
                "creation-name",
                "append",
                "trim-home",
                "trim-epoch",
                "recovery-log",
                "recovery-home",
                "recovery-epoch");
    }

    @Override
    public void run(RecordingMedium medium) {
        Random random = new Random(3);
        medium.begun(0, new byte[WORDS * 8]);
        Open store = new Open(medium);
        medium.acknowledged(0);
        for (int i = 0; i < 8; i++) {
            store.commit(random);
        }
    }

    @Override
    public void recover(RecordingMedium medium) {
        Open store = new Open(medium);
        medium.recovered(store.epoch, store.content());
        store.commit(new Random(store.epoch));
    }

    private final class Open {
        private final RecordingMedium medium;
        private final MediumFile file;
        private final long[] words = new long[WORDS];
        private long epoch;
        private int generation;
        private int records;

        Open(RecordingMedium medium) {
            this.medium = medium;
            if (!medium.exists(NAME)) {
                MediumFile created = medium.create(NAME + ".new", kind);
                created.allocate(0, LOG + RECORDS * RECORD);
                created.syncData("creation");
                medium.rename(NAME + ".new", NAME);
            }
            if (!flaws.contains(Flaw.DOES_NOT_SYNC_THE_NAME)) {
                medium.syncDirectory("/", "creation-name");
            }
            file = medium.open(NAME);
            recover();
        }

        private void recover() {
            // a process that was killed leaves what is not durable yet, and home must not overtake it
            persist("recovery-log");
            ByteBuffer header = buffer(0, 8);
            epoch = header.getInt();
            generation = header.getInt();
            ByteBuffer home = buffer(HOME, WORDS * 8);
            for (int i = 0; i < WORDS; i++) {
                words[i] = home.getLong();
            }
            for (int record = 0; record < RECORDS && replay(record); record++) {
                epoch++;
            }
            writeHome("recovery-home", "recovery-epoch");
        }

        private boolean replay(int record) {
            ByteBuffer bytes = buffer(LOG + record * RECORD, RECORD);
            int checksum = checksum(bytes);
            if (bytes.getInt(0) != epoch + 1
                    || bytes.getInt(4) != generation
                    || !flaws.contains(Flaw.HAS_NO_CHECKSUM) && bytes.getInt(RECORD - 8) != checksum) {
                return false;
            }
            for (int i = 0; i < WORDS; i++) {
                words[i] = bytes.getLong(at(i));
            }
            return true;
        }

        /** Over all of the record. */
        private int at(int word) {
            return 8 + word * 80;
        }

        private int checksum(ByteBuffer record) {
            CRC32C checksum = new CRC32C();
            checksum.update(record.array(), 0, RECORD - 8);
            return (int) checksum.getValue();
        }

        private ByteBuffer buffer(long offset, int length) {
            return ByteBuffer.wrap(file.read(offset, length));
        }

        byte[] content() {
            ByteBuffer bytes = ByteBuffer.allocate(WORDS * 8);
            for (long word : words) {
                bytes.putLong(word);
            }
            return bytes.array();
        }

        void commit(Random random) {
            for (int i = 0; i < 4; i++) {
                words[random.nextInt(WORDS)] = random.nextLong();
            }
            medium.begun(epoch + 1, content());
            if (flaws.contains(Flaw.WRITES_HOME_BEFORE_THE_LOG)) {
                put(HOME, content());
            }
            if (records == RECORDS) {
                trim();
            }
            ByteBuffer record = ByteBuffer.allocate(RECORD);
            record.putInt(0, (int) epoch + 1).putInt(4, generation);
            for (int i = 0; i < WORDS; i++) {
                record.putLong(at(i), words[i]);
            }
            record.putInt(RECORD - 8, checksum(record));
            put(LOG + records * RECORD, record.array());
            if (flaws.contains(Flaw.ACKNOWLEDGES_BEFORE_THE_FENCE)) {
                medium.acknowledged(epoch + 1);
            }
            persist("append");
            if (!flaws.contains(Flaw.ACKNOWLEDGES_BEFORE_THE_FENCE)) {
                medium.acknowledged(epoch + 1);
            }
            epoch++;
            records++;
        }

        /** Home takes what the log holds, not what is being committed. */
        private void trim() {
            long[] current = words.clone();
            ByteBuffer last = buffer(LOG + (RECORDS - 1) * RECORD, RECORD);
            for (int i = 0; i < WORDS; i++) {
                words[i] = last.getLong(at(i));
            }
            writeHome("trim-home", flaws.contains(Flaw.REUSES_THE_LOG_TOO_EARLY) ? null : "trim-epoch");
            System.arraycopy(current, 0, words, 0, WORDS);
        }

        private void writeHome(String homePoint, String epochPoint) {
            put(HOME, content());
            persist(homePoint);
            if (!flaws.contains(Flaw.LETS_DROPPED_RECORDS_LIVE)) {
                generation++;
            }
            put(0, ByteBuffer.allocate(8).putInt((int) epoch).putInt(generation).array());
            if (epochPoint != null) {
                persist(epochPoint);
            }
            records = 0;
        }

        private void put(long offset, byte[] bytes) {
            if (kind == MediumKind.BLOCK) {
                file.write(offset, bytes);
            } else {
                file.store(offset, bytes, Event.StoreKind.NON_TEMPORAL);
            }
        }

        private void persist(String point) {
            if (kind == MediumKind.BLOCK) {
                file.syncData(point);
            } else {
                medium.fence(point);
            }
        }
    }
}
