// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class CutDiskTest {
    private static final int SIZE = 1 << 20;
    private static final int TEAR = 512;
    private static final int EVERYTHING = 0;
    private static final int NOTHING = 1;

    private final List<Event> events = new ArrayList<>();
    private int numbers;

    @TempDir
    private Path folder;

    private int write(long offset, int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        events.add(new Event(Event.WRITE, ++numbers, offset, length, bytes));
        return numbers;
    }

    private void zeros(long offset, int length) {
        events.add(new Event(Event.ZEROS, ++numbers, offset, length, new byte[0]));
        done(numbers);
    }

    private void done(int write) {
        event(Event.DONE, write);
    }

    private void event(char kind, int number) {
        events.add(new Event(kind, number, 0, 0, new byte[0]));
    }

    private void flush() {
        int number = ++numbers;
        event(Event.FLUSH_BEGUN, number);
        event(Event.FLUSHED, number);
    }

    private void mark(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        events.add(new Event(Event.MARK, 0, 0, bytes.length, bytes));
    }

    private CutDisk atEnd() {
        CutDisk disk = new CutDisk(new SparseDisk(SIZE), events, TEAR, 7);
        disk.advance(events.size());
        return disk;
    }

    private byte[] image(CutDisk disk, int variant) throws IOException {
        Path file = folder.resolve("image");
        disk.store(disk.pieces(variant), file);
        return Files.readAllBytes(file);
    }

    @Test
    void whatWasFlushedIsThereAndTheRestAsTheVariantSays() throws IOException {
        done(write(4096, 4096, 1));
        flush();
        done(write(8192, 4096, 2));
        CutDisk disk = atEnd();
        assertEquals(1, image(disk, NOTHING)[4096]);
        assertEquals(0, image(disk, NOTHING)[8192]);
        assertEquals(2, image(disk, EVERYTHING)[8192]);
        for (int variant = 2; variant < 50; variant++) {
            assertEquals(1, image(disk, variant)[8191]);
        }
    }

    @Test
    void aWriteThatIsUnderWayWhenAFlushArrivesIsNotCovered() throws IOException {
        int first = write(0, 512, 1);
        int flush = ++numbers;
        event(Event.FLUSH_BEGUN, flush);
        done(first);
        event(Event.FLUSHED, flush);
        assertEquals(0, image(atEnd(), NOTHING)[0]);
        flush();
        assertEquals(1, image(atEnd(), NOTHING)[0]);
    }

    @Test
    void aFlushThatIsUnderWayCoversNothingYet() throws IOException {
        done(write(0, 512, 1));
        event(Event.FLUSH_BEGUN, ++numbers);
        assertEquals(0, image(atEnd(), NOTHING)[0]);
    }

    @Test
    void whatAFailedFlushHasLostNoLaterOneBringsBack() throws IOException {
        mark("RANGE 0 4096");
        done(write(0, 512, 1));
        done(write(8192, 512, 2));
        int flush = ++numbers;
        event(Event.FLUSH_BEGUN, flush);
        event(Event.LOST, flush);
        flush();
        byte[] image = image(atEnd(), EVERYTHING);
        assertEquals(0, image[0]);
        assertEquals(2, image[8192], "outside the range nothing is lost");
    }

    @Test
    void aTrimLeavesZeros() throws IOException {
        done(write(0, 8192, 1));
        flush();
        zeros(4096, 4096);
        CutDisk disk = atEnd();
        assertEquals(1, image(disk, NOTHING)[5000]);
        assertEquals(0, image(disk, EVERYTHING)[5000]);
        assertEquals(1, image(disk, EVERYTHING)[4095]);
    }

    @Test
    void sectorsAreOldOrNewAndSomeVariantIsTornSomeLacksAnEarlyWrite() throws IOException {
        for (int i = 0; i < 6; i++) {
            done(write(i * 8192L, 4096, 1 + i));
        }
        CutDisk disk = atEnd();
        boolean torn = false;
        boolean lateWithoutEarly = false;
        for (int variant = 2; variant < 100; variant++) {
            byte[] image = image(disk, variant);
            int[] there = new int[6];
            for (int sector = 0; sector < SIZE / TEAR; sector++) {
                byte first = image[sector * TEAR];
                byte[] expected = new byte[TEAR];
                Arrays.fill(expected, first);
                assertArrayEquals(expected, Arrays.copyOfRange(image, sector * TEAR, (sector + 1) * TEAR));
                int write = sector / 16;
                assertTrue(first == 0 || write < 6 && sector % 16 < 8 && first == write + 1, "sector " + sector);
                if (first != 0) {
                    there[write]++;
                }
            }
            for (int write = 0; write < 6; write++) {
                torn |= there[write] > 0 && there[write] < 8;
                lateWithoutEarly |= write > 0 && there[write] > 0 && there[write - 1] == 0;
            }
        }
        assertTrue(torn);
        assertTrue(lateWithoutEarly);
    }

    @Test
    void keysAreThoseOfTheBytes() throws IOException {
        done(write(0, 4096, 1));
        done(write(512, 512, 2));
        done(write(4096, 2048, 3));
        done(write(0, 512, 1));
        flush();
        done(write(0, 1024, 4));
        done(write(512, 1024, 1));
        done(write(4096, 4096, 3));
        CutDisk disk = atEnd();
        Map<Long, ByteBuffer> images = new HashMap<>();
        Set<ByteBuffer> different = new HashSet<>();
        for (int variant = 0; variant < 200; variant++) {
            ByteBuffer image = ByteBuffer.wrap(image(disk, variant));
            ByteBuffer before = images.putIfAbsent(disk.key(disk.pieces(variant)), image);
            assertTrue(before == null || before.equals(image), "variant " + variant);
            different.add(image);
        }
        assertEquals(different.size(), images.size());
        assertTrue(different.size() > 10);
    }

    /** However it came about: by a write or by none. */
    @Test
    void theSameImageHasTheSameKeyAtEveryCut() {
        done(write(0, 512, 1));
        flush();
        CutDisk disk = atEnd();
        long key = disk.key(disk.pieces(EVERYTHING));
        done(write(0, 512, 1));
        CutDisk later = atEnd();
        assertEquals(key, later.key(later.pieces(EVERYTHING)));
        assertEquals(key, later.key(later.pieces(NOTHING)));
        flush();
        done(write(0, 512, 2));
        done(write(0, 512, 1));
        CutDisk muchLater = atEnd();
        assertEquals(key, muchLater.key(muchLater.pieces(EVERYTHING)));
    }
}
