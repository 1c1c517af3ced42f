// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;
import org.vellum.store.image.TestStore;
import org.vellum.store.image.medium.FaultyFiles;

/**
 * A checksummed piece of an image, as the format's documentation describes it and not as the store's code has it: where
 * its fields are and how it is sealed. What mutators change and seal again.
 *
 * @param length with the payload, without padding
 */
record ImageStructure(Kind kind, Path file, long offset, int length) {
    enum Kind {
        IDENTITY(new int[] {0, 8, 12, 16, 24, 32, 40, 48, 56, 64, 72, 76, 80}, 508),
        CHECKPOINT(new int[] {0, 8, 12, 16, 24, 32, 40, 48, 56, 64, 72}, 508),
        BATCH(new int[] {0, 4, 6, 8, 16, 24, 32, 40, 48, 56, 64, 72}, 60),
        UNDO_HEADER(new int[] {0, 8, 16, 24, 32, 40}, 60),
        EPOCH_WORD(new int[] {0}, 6),
        SLOT(new int[] {0, 8, 16, 24, 32, 40}, 60);

        /** Offsets of the fields; a field goes up to the next one, the last has 8 bytes. */
        private final int[] fields;

        private final int checksumAt;

        Kind(int[] fields, int checksumAt) {
            this.fields = fields;
            this.checksumAt = checksumAt;
        }

        int fieldOffset(int choice) {
            return fields[choice % fields.length];
        }

        int fieldLength(int choice) {
            int index = choice % fields.length;
            return index + 1 < fields.length ? Math.min(8, fields[index + 1] - fields[index]) : Math.min(8, checksumAt);
        }
    }

    private static final int SECTOR = 512;
    private static final int BATCH_MAGIC = 0x54414256;

    /** In an order that does not depend on content: header first, then the batches by segment and offset. */
    static List<ImageStructure> all(FaultyFiles files) {
        List<ImageStructure> structures = new ArrayList<>();
        Path home = SeedImages.NAMES.home();
        if (files.exists(home)) {
            structures.add(new ImageStructure(Kind.IDENTITY, home, 0, SECTOR));
            structures.add(new ImageStructure(Kind.CHECKPOINT, home, 4096, SECTOR));
            structures.add(new ImageStructure(Kind.CHECKPOINT, home, 8192, SECTOR));
        }
        for (int segment = 0; segment < 2; segment++) {
            Path log = SeedImages.NAMES.log(segment);
            if (!files.exists(log)) {
                continue;
            }
            long length = Math.min(files.length(log), 1 << 16);
            ByteBuffer bytes =
                    ByteBuffer.wrap(files.content(log, 0, (int) length)).order(ByteOrder.LITTLE_ENDIAN);
            for (int at = 0; at + 64 <= length; at += 64) {
                if (bytes.getInt(at) == BATCH_MAGIC) {
                    long payload = bytes.getLong(at + 32);
                    boolean fits = payload >= 0 && payload <= length - at - 64;
                    structures.add(new ImageStructure(Kind.BATCH, log, at, 64 + (fits ? (int) payload : 0)));
                }
            }
        }
        Path undo = SeedImages.NAMES.undo();
        if (files.exists(undo)) {
            structures.add(new ImageStructure(Kind.UNDO_HEADER, undo, 0, 64));
            structures.add(new ImageStructure(Kind.EPOCH_WORD, undo, 64, 8));
            for (int slot = 0; slot < TestStore.PAGES; slot++) {
                structures.add(new ImageStructure(Kind.SLOT, undo, 4096 + 64L * slot, 64));
            }
        }
        return structures;
    }

    static byte[] bytes(long value, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (value >>> 8 * i);
        }
        return bytes;
    }

    long value(FaultyFiles files, int at, int fieldLength) {
        byte[] bytes = files.content(file, offset + at, fieldLength);
        long value = 0;
        for (int i = 0; i < fieldLength; i++) {
            value |= (bytes[i] & 0xFFL) << 8 * i;
        }
        return value;
    }

    void put(FaultyFiles files, int at, byte[] bytes) {
        files.put(file, offset + at, bytes);
    }

    int identityAt() {
        return kind == Kind.BATCH ? 48 : 16;
    }

    private int checksumLength() {
        return kind == Kind.EPOCH_WORD ? 2 : 4;
    }

    private long checksum(FaultyFiles files) {
        byte[] bytes = files.content(file, offset, length);
        CRC32C checksum = new CRC32C();
        switch (kind) {
            case IDENTITY, CHECKPOINT, UNDO_HEADER -> checksum.update(bytes, 0, kind.checksumAt);
            case BATCH -> {
                checksum.update(bytes, 0, kind.checksumAt);
                checksum.update(new byte[4]);
                checksum.update(bytes, 64, length - 64);
            }
            case EPOCH_WORD -> {
                checksum.update(bytes, 0, 6);
                checksum.update(new byte[2]);
                checksum.update(files.content(file, 24, 8)); // the opening
                return checksum.getValue() & 0xFFFF;
            }
            case SLOT -> {
                checksum.update(bytes, 0, kind.checksumAt);
                checksum.update(new byte[4]);
                checksum.update(files.content(file, slotContent(), 4096));
            }
        }
        return checksum.getValue();
    }

    long slotContent() {
        return 4096 + 4096 + (offset - 4096) / 64 * 4096; // the headers of a small region's slots fit into one page
    }

    boolean isSealed(FaultyFiles files) {
        return checksum(files) == value(files, kind.checksumAt, checksumLength());
    }

    void seal(FaultyFiles files) {
        put(files, kind.checksumAt, bytes(checksum(files), checksumLength()));
    }
}
