// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.InMemoryDirectory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.TornMemory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Crashes a life that changes between the log and stores in place before every step on memory that tears at eight
 * bytes: by a kill, by power cuts that leave more or less, and again while that is recovered. What is opened then holds
 * exactly one epoch, not before the last acknowledged one, and goes on in either way.
 */
@Tag("slow")
class InPlaceCrashTest {
    /** Every how many crash images the recovery is itself crashed everywhere. */
    private static final int NESTED = 41;

    @TempDir(factory = InMemoryDirectory.class)
    Path directory;

    private final Random random = new Random(11);
    /** Content by epoch. */
    private final List<byte[]> expected = new ArrayList<>(List.of(new byte[(int) TestStore.SIZE]));

    private long acknowledged;
    private int images;
    private AssertionError failure;

    static StoreImage open(TornMemory memory) {
        Store.Request request = new Store.Request(TestStore.REGION, null, TestStore.SIZE, TestStore.LOG_SIZE);
        ImageFiles names = new ImageFiles(memory.directory, TestStore.REGION);
        return Images.open(Cores.CORE, memory.files(), names, request, TestStore.IGNORE);
    }

    private static InPlaceWriter writer(TornMemory memory, StoreImage image) {
        ImageIdentity identity = new TestStore(memory.directory).identity();
        return new InPlaceWriter(memory, image.beginInPlace().orElseThrow(), identity);
    }

    private final class Crash implements TornMemory.Hook {
        private final TornMemory memory;
        private final int depth;

        Crash(TornMemory memory, int depth) {
            this.memory = memory;
            this.depth = depth;
        }

        @Override
        public void before(String step) {
            if (failure != null || !Files.exists(memory.directory.resolve(TestStore.REGION + ".vellum"))) {
                return;
            }
            try {
                examine("killed before " + step, memory.killed(next()));
                for (TornMemory.Cut cut : TornMemory.Cut.values()) {
                    examine("power cut " + cut + " before " + step, memory.powerCut(next(), cut, random));
                }
            } catch (AssertionError | Exception e) {
                failure = new AssertionError("depth " + depth + ", " + step, e);
            }
        }

        private Path next() {
            return directory.resolve("crash-" + images++);
        }

        private void examine(String where, TornMemory crashed) {
            if (depth > 0 && images % NESTED == 0) {
                crashed.hook(new Crash(crashed, depth - 1));
            }
            try (StoreImage image = open(crashed)) {
                crashed.hook(step -> {});
                long epoch = image.epoch();
                assertTrue(epoch >= acknowledged, where + ": epoch " + epoch + ", acknowledged " + acknowledged);
                assertTrue(epoch < expected.size(), where + ": epoch " + epoch);
                assertArrayEquals(expected.get((int) epoch), TestStore.content(image), where);
                goOn(crashed, image, epoch, where);
            }
            crashed.delete();
        }

        /** The page checksums are right, and what recovery left is a beginning for both ways. */
        private void goOn(TornMemory crashed, StoreImage image, long epoch, String where) {
            assertHomeHolds(crashed, expected.get((int) epoch), where);
            InPlaceWriter writer = writer(crashed, image);
            writer.store(3, 3, 0x55);
            assertEquals(epoch + 1, writer.commit(), where);
            assertEquals(epoch + 1, image.epoch(), where);
            image.endInPlace(epoch + 1);
            byte[] inPlace = line(expected.get((int) epoch), 3, 3, 0x55);
            assertArrayEquals(inPlace, TestStore.content(image), where);
            assertEquals(epoch + 2, TestStore.commit(image, new BatchBuilder().line(3, 4, 0x66)), where);
            assertArrayEquals(line(inPlace, 3, 4, 0x66), TestStore.content(image), where);
        }
    }

    private static void assertHomeHolds(TornMemory memory, byte[] content, String where) {
        try {
            new TestStore(memory.directory).assertHomeHolds(content);
        } catch (Exception | AssertionError e) {
            throw new AssertionError(where, e);
        }
    }

    private static byte[] line(byte[] image, int page, int line, int value) {
        return new BatchBuilder().line(page, line, value).appliedTo(image);
    }

    private byte[] last() {
        return expected.get(expected.size() - 1);
    }

    /** Known before it is tried: a crash may find it durable and not acknowledged. */
    private void inPlace(InPlaceWriter writer, int... pageLineValue) {
        byte[] content = last();
        for (int i = 0; i < pageLineValue.length; i += 3) {
            writer.store(pageLineValue[i], pageLineValue[i + 1], pageLineValue[i + 2]);
            content = line(content, pageLineValue[i], pageLineValue[i + 1], pageLineValue[i + 2]);
        }
        expected.add(content);
        acknowledged = writer.commit();
    }

    private void logged(StoreImage image, int page, int line, int value) {
        expected.add(line(last(), page, line, value));
        acknowledged = TestStore.commit(image, new BatchBuilder().line(page, line, value));
    }

    private void live(TornMemory memory) {
        try (StoreImage image = open(memory)) {
            logged(image, 0, 0, 1);
            logged(image, 1, 5, 2);
            InPlaceWriter writer = writer(memory, image);
            inPlace(writer, 1, 5, 3, 1, 6, 3, 2, 0, 3);
            inPlace(writer, 2, 0, 4);
            writer.store(4, 1, 9);
            writer.store(2, 1, 9);
            writer.rollback();
            // A line that goes 4, 9, 4 is 4.
            inPlace(writer, 2, 1, 9, 2, 1, 0, 5, 0, 5);
            writer.store(6, 0, 9);
            memory.evict();
            writer.rollback();
            image.endInPlace(writer.epoch());
            logged(image, 5, 0, 6);
            logged(image, 6, 0, 7);
            writer = writer(memory, image);
            writer.store(7, 7, 9);
            writer.store(5, 0, 9);
            // Closed without an end: recovery puts both back.
        }
        try (StoreImage image = open(memory)) {
            assertArrayEquals(last(), TestStore.content(image));
            logged(image, 7, 7, 8);
        }
        try (StoreImage image = open(memory)) {
            // With nothing to bring home before.
            writer(memory, image).store(4, 4, 9);
        }
    }

    private void crashEverywhere(int leftOut, int depth) {
        TornMemory memory = new TornMemory(directory.resolve("running"), leftOut);
        memory.hook(new Crash(memory, depth));
        live(memory);
    }

    @Test
    void everyCrashImageHoldsExactlyOneEpochAndGoesOn() {
        crashEverywhere(0, 1);
        if (failure != null) {
            throw failure;
        }
        assertEquals(expected.size() - 1, acknowledged);
        assertTrue(images > 1000, "crash images: " + images);
    }

    /** The enumeration would see each of these missing: the native half's, and those of this package on the way. */
    @ParameterizedTest
    @ValueSource(
            ints = {
                InPlaceWriter.PRE_IMAGE,
                InPlaceWriter.COMMIT_PAGE,
                InPlaceWriter.COMMIT_CHECKSUM,
                InPlaceWriter.COMMIT_CONTENT,
                InPlaceWriter.COMMIT_EPOCH,
                InPlaceWriter.COMMITTED,
                InPlaceWriter.ROLLED_BACK
            })
    void aNativePersistPointLeftOutIsNoticed(int point) {
        crashEverywhere(point, 0);
        assertTrue(failure != null, "nothing noticed in " + images + " crash images");
    }

    @ParameterizedTest
    @EnumSource(names = {"UNDO_HEADER", "PUT_BACK_PAGES", "HOME_PAGES", "BATCH"})
    void aPersistPointLeftOutIsNoticed(PersistPoint point) {
        // That of recovery is noticed by a crash of recovery.
        crashEverywhere(point.number(), point == PersistPoint.PUT_BACK_PAGES ? 1 : 0);
        assertTrue(failure != null, "nothing noticed in " + images + " crash images");
    }
}
