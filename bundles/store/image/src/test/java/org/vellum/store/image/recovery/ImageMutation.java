// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32C;
import org.vellum.store.image.TestStore;
import org.vellum.store.image.medium.FaultyFiles;
import org.vellum.store.image.recovery.ImageStructure.Kind;
import org.vellum.store.image.recovery.SeedImages.Seed;

/**
 * A fuzzer's bytes as a program that damages an image: the first byte chooses a moment of the region's life, then each
 * instruction has one byte for what to do and a few for where. So whatever bytes the fuzzer tries, the damage is in
 * places that mean something, and half of it is sealed with a right checksum.
 */
final class ImageMutation {
    private static final int MOST_INSTRUCTIONS = 24;
    private static final long LARGEST_LOG = 1 << 20;
    private static final int LARGEST_HOME_SHIFT = 46;

    private final byte[] program;
    private final List<Seed> seeds;
    private final Seed seed;
    private final FaultyFiles files;
    private int at;
    private boolean changed;
    private boolean sealed;
    private boolean mixed;
    private boolean homeResized;

    ImageMutation(byte[] program, List<Seed> seeds) {
        this.program = program;
        this.seeds = seeds;
        seed = seeds.get(unsigned(1) % seeds.size());
        files = seed.files().afterKill();
        for (int i = 0; i < MOST_INSTRUCTIONS && at < program.length; i++) {
            instruction();
            changed = true;
        }
    }

    Seed seed() {
        return seed;
    }

    FaultyFiles files() {
        return files;
    }

    boolean changed() {
        return changed;
    }

    /** Something was given a right checksum: the image may be a consistent one that the region never had. */
    boolean sealed() {
        return sealed;
    }

    /** Files are of different moments: what is there is an epoch of the region, but it may be any. */
    boolean mixed() {
        return mixed;
    }

    /** Pages and their checksums may both be zeros now, as if they had never been written. */
    boolean homeResized() {
        return homeResized;
    }

    private int unsigned(int bytes) {
        int value = 0;
        for (int i = 0; i < bytes; i++) {
            value = value << 8 | (at < program.length ? program[at++] & 0xFF : 0);
        }
        return value;
    }

    private Path file() {
        return switch (unsigned(1) % 5) {
            case 0, 1 -> SeedImages.NAMES.home();
            case 2 -> SeedImages.NAMES.log(0);
            case 3 -> SeedImages.NAMES.log(1);
            default -> SeedImages.NAMES.undo();
        };
    }

    private ImageStructure structure() {
        List<ImageStructure> all = ImageStructure.all(files);
        int choice = unsigned(1);
        return all.isEmpty() ? null : all.get(choice % all.size());
    }

    private void seal(ImageStructure structure) {
        // its length may be among what changed
        for (ImageStructure now : ImageStructure.all(files)) {
            if (now.file().equals(structure.file()) && now.offset() == structure.offset()) {
                now.seal(files);
                sealed = true;
            }
        }
    }

    private long interesting(long present) {
        int choice = unsigned(1);
        return switch (choice % 16) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> present + 1;
            case 3 -> present - 1;
            case 4 -> Long.MAX_VALUE;
            case 5 -> Long.MIN_VALUE;
            case 6 -> present * 2;
            case 7 -> -present;
            case 8 -> 1L << unsigned(1) % 64;
            case 9 -> present ^ 1L << unsigned(1) % 64;
            case 10 -> 4096L * unsigned(1);
            case 11 -> 64L * unsigned(1);
            case 12 -> present + unsigned(1);
            case 13 -> present - unsigned(1);
            case 14 -> (1L << unsigned(1) % 64) - 4096;
            default -> (long) unsigned(4) << 32 | unsigned(4) & 0xFFFF_FFFFL;
        };
    }

    private void instruction() {
        int operation = unsigned(1);
        switch (operation % 13) {
            case 0, 1, 2 -> changeField(operation >= 128);
            case 3 -> flip();
            case 4 -> copyStructure(operation >= 128);
            case 5 -> zero();
            case 6 -> resize();
            case 7 -> remove(operation);
            case 8 -> takeFromAnotherMoment();
            case 9 -> writeBatch();
            case 10 -> changePage(operation >= 128);
            case 11 -> changeSlotContent();
            default -> writeBytes();
        }
    }

    private void changeField(boolean thenSeal) {
        ImageStructure structure = structure();
        int field = unsigned(1);
        if (structure == null) {
            return;
        }
        int offset = structure.kind().fieldOffset(field);
        int length = structure.kind().fieldLength(field);
        structure.put(files, offset, ImageStructure.bytes(interesting(structure.value(files, offset, length)), length));
        if (thenSeal) {
            seal(structure);
        }
    }

    private void flip() {
        ImageStructure structure = structure();
        int bit = unsigned(2);
        if (structure != null) {
            int offset = bit / 8 % structure.length();
            structure.put(files, offset, new byte[] {(byte) (structure.value(files, offset, 1) ^ 1 << bit % 8)});
        }
    }

    private void copyStructure(boolean thenSeal) {
        ImageStructure from = structure();
        Path to = file();
        long offset = to.equals(SeedImages.NAMES.home()) ? 4096L * (unsigned(1) % 4) : 64L * (unsigned(1) % 128);
        if (from == null || !files.exists(to)) {
            return;
        }
        files.put(to, offset, files.content(from.file(), from.offset(), from.length()));
        mixed = true;
        if (thenSeal && from.kind() == Kind.BATCH) {
            ImageStructure copy = new ImageStructure(Kind.BATCH, to, offset, from.length());
            copy.put(files, 40, ImageStructure.bytes(offset, 8));
            seal(copy);
        }
    }

    private void changeSlotContent() {
        ImageStructure structure = structure();
        int offset = unsigned(2) % FaultyFiles.PAGE;
        byte value = (byte) unsigned(1);
        if (structure != null && structure.kind() == Kind.SLOT) {
            files.put(structure.file(), structure.slotContent() + offset, new byte[] {value});
        }
    }

    private void zero() {
        ImageStructure structure = structure();
        int from = unsigned(1);
        int length = unsigned(1) + 1;
        if (structure != null) {
            structure.put(files, from % structure.length(), new byte[length]);
        }
    }

    private void resize() {
        Path path = file();
        int choice = unsigned(1);
        int amount = unsigned(2);
        if (!files.exists(path)) {
            return;
        }
        long length = files.length(path);
        long changedLength = switch (choice % 6) {
            case 0 -> 0;
            case 1 -> length - 1;
            case 2 -> length - amount;
            case 3 -> length + amount;
            case 4 -> amount;
            // sparse: a file may claim to be larger than all memory
            default -> path.equals(SeedImages.NAMES.home()) ? 1L << amount % (LARGEST_HOME_SHIFT + 1) : length * 2;
        };
        long most = path.equals(SeedImages.NAMES.home()) ? 1L << LARGEST_HOME_SHIFT : LARGEST_LOG;
        homeResized |= path.equals(SeedImages.NAMES.home());
        files.resize(path, Math.min(most, Math.max(0, changedLength)));
    }

    private void remove(int operation) {
        if (operation < 128 && files.exists(SeedImages.NAMES.log(0)) && files.exists(SeedImages.NAMES.log(1))) {
            FaultyFiles before = files.afterKill();
            files.copyFrom(before, SeedImages.NAMES.log(0), SeedImages.NAMES.log(1));
            files.copyFrom(before, SeedImages.NAMES.log(1), SeedImages.NAMES.log(0));
            mixed = true;
        } else {
            files.remove(file());
        }
    }

    private void takeFromAnotherMoment() {
        Path path = file();
        FaultyFiles other = seeds.get(unsigned(1) % seeds.size()).files();
        if (other.exists(path)) {
            files.copyFrom(other, path, path);
            mixed = true;
        }
    }

    private void writeBatch() {
        Path log = SeedImages.NAMES.log(unsigned(1) & 1);
        long offset = 64L * unsigned(1);
        int lines = unsigned(1) % 8;
        if (!files.exists(log)) {
            return;
        }
        int length = 64 + (16 + 64) * lines;
        byte[] batch = new byte[length];
        files.put(log, offset, batch);
        ImageStructure structure = new ImageStructure(Kind.BATCH, log, offset, length);
        structure.put(files, 0, ImageStructure.bytes(0x0040_0001_5441_4256L, 8));
        structure.put(files, 8, ImageStructure.bytes(interesting(seed.epoch() + 1), 8));
        structure.put(files, 16, ImageStructure.bytes(interesting(seed.epoch()), 8));
        structure.put(files, 24, ImageStructure.bytes(unsigned(1), 8));
        structure.put(files, 32, ImageStructure.bytes(length - 64L, 8));
        structure.put(files, 40, ImageStructure.bytes(offset, 8));
        structure.put(files, 48, ImageStructure.bytes(SeedImages.IDENTITY, 8));
        structure.put(files, 56, ImageStructure.bytes(lines, 4));
        for (int i = 0; i < lines; i++) {
            structure.put(files, 64 + 80 * i, ImageStructure.bytes(interesting(unsigned(1) % 8), 8));
            structure.put(files, 72 + 80 * i, ImageStructure.bytes(1L << unsigned(1) % 64, 8));
            structure.put(files, 80 + 80 * i, new byte[] {(byte) unsigned(1)});
        }
        seal(structure);
    }

    private void changePage(boolean thenSeal) {
        int page = unsigned(1) % TestStore.PAGES;
        int offset = unsigned(2) % FaultyFiles.PAGE;
        byte value = (byte) unsigned(1);
        Path home = SeedImages.NAMES.home();
        if (!files.exists(home) || files.length(home) < 512) {
            return;
        }
        long homeOffset = identityField(files, 40);
        if (homeOffset < 0 || homeOffset > 1L << LARGEST_HOME_SHIFT) {
            return;
        }
        files.put(home, homeOffset + (long) page * FaultyFiles.PAGE + offset, new byte[] {value});
        long table = identityField(files, 48);
        if (thenSeal && table >= 0 && table <= homeOffset) {
            sealPage(files, page);
            sealed = true;
        }
    }

    private static long identityField(FaultyFiles files, int at) {
        return new ImageStructure(Kind.IDENTITY, SeedImages.NAMES.home(), 0, 512).value(files, at, 8);
    }

    /** Gives a page of the home image the checksum that it has. */
    static void sealPage(FaultyFiles files, int page) {
        Path home = SeedImages.NAMES.home();
        CRC32C checksum = new CRC32C();
        checksum.update(
                files.content(home, identityField(files, 40) + (long) page * FaultyFiles.PAGE, FaultyFiles.PAGE));
        int entry = (int) checksum.getValue() == 0 ? 1 : (int) checksum.getValue();
        files.put(home, identityField(files, 48) + 4L * page, ImageStructure.bytes(entry, 4));
    }

    private void writeBytes() {
        Path path = file();
        int offset = unsigned(2);
        byte[] bytes = new byte[unsigned(1) % 16 + 1];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) unsigned(1);
        }
        if (files.exists(path)) {
            files.put(path, offset, bytes);
        }
    }
}
