// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.DamagedImageException;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.store.image.BatchBuilder;
import org.vellum.store.image.TestStore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.log.Log;
import org.vellum.store.image.medium.InMemoryDirectory;
import org.vellum.store.image.medium.RecordingFiles;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What recovery makes of a log, good, torn, damaged or not its own. */
class RecoveryTest {
    /** A batch of one line, padded. */
    private static final int BATCH = 192;

    private static final int BATCHES_IN_A_SEGMENT = (int) (TestStore.LOG_SIZE / 2 / BATCH);

    @TempDir(factory = InMemoryDirectory.class)
    Path directory;

    private TestStore store;
    /** Content by epoch. */
    private final List<byte[]> expected = new ArrayList<>();

    @BeforeEach
    void prepare() {
        store = new TestStore(directory.resolve("running"));
        expected.add(new byte[(int) TestStore.SIZE]);
    }

    private static BatchBuilder changes(long epoch) {
        return new BatchBuilder().line(epoch % TestStore.PAGES, (int) (epoch % 64), (int) epoch);
    }

    private void commit(StoreImage image, int epochs) {
        for (int i = 0; i < epochs; i++) {
            BatchBuilder changes = changes(image.epoch() + 1);
            expected.add(changes.appliedTo(expected.get(expected.size() - 1)));
            TestStore.commit(image, changes);
        }
    }

    /** The files after kill -9 behind so many epochs. */
    private TestStore crashedAfter(int epochs) {
        try (StoreImage image = store.open()) {
            commit(image, epochs);
            return store.crashImage(directory.resolve("crashed"));
        }
    }

    /** As above, with both segments full of epochs of which nothing is at home. */
    private TestStore crashedUntrimmedAfter(int epochs) {
        store.open().close();
        try (StoreImage image = store.open()) {
            store.files.failAlways(RecordingFiles.Kind.WRITE, ".vellum", Errno.EIO);
            commit(image, epochs);
            TestStore crashed = store.crashImage(directory.resolve("crashed"));
            store.files.noHook();
            return crashed;
        }
    }

    private String recoversTo(TestStore crashed, int epoch) {
        try (StoreImage image = crashed.open()) {
            assertEquals(epoch, image.epoch());
            assertArrayEquals(expected.get(epoch), TestStore.content(image));
            return String.join("; ", image.remarks());
        }
    }

    private String refuses(TestStore crashed, Path file, long offset) {
        crashed.files.forget();
        DamagedImageException damaged = assertThrows(DamagedImageException.class, crashed::open);
        assertTrue(damaged.getMessage().contains(file + ", offset " + offset + ":"), damaged.getMessage());
        assertEquals(List.of(), crashed.files.events(), "nothing may be written to a damaged image");
        return damaged.getMessage();
    }

    @Test
    void everyEpochOfAnIntactLogIsReplayed() {
        String remarks = recoversTo(crashedAfter(3), 3);
        assertEquals("recovered to epoch 3: 3 batches replayed", remarks);
    }

    @Test
    void recoveringTwiceIsRecoveringOnce() throws Exception {
        TestStore crashed = crashedAfter(3);
        recoversTo(crashed, 3);
        crashed.assertHomeHolds(expected.get(3));
        assertEquals("", recoversTo(crashed, 3));
    }

    @Test
    void epochsInBothSegmentsAreReplayed() {
        int epochs = BATCHES_IN_A_SEGMENT + 9;
        assertTrue(recoversTo(crashedUntrimmedAfter(epochs), epochs).contains(epochs + " batches replayed"));
    }

    @Test
    void aTornTailIsDroppedWhereverItIsTorn() throws Exception {
        TestStore crashed = crashedAfter(3);
        byte[] intact = TestStore.read(crashed.log(0), 2 * BATCH, BATCH);
        byte[] home = Files.readAllBytes(crashed.home());
        byte[] otherLog = Files.readAllBytes(crashed.log(1));
        for (int at = 0; at < 144; at++) {
            TestStore.flip(crashed.log(0), 2 * BATCH + at, at % 8);
            recoversTo(crashed, 2);
            TestStore.write(crashed.log(0), 2 * BATCH, intact);
            Files.write(crashed.home(), home);
            Files.write(crashed.log(1), otherLog);
        }
        recoversTo(crashed, 3);
    }

    @Test
    void aDroppedTailIsSaid() throws Exception {
        TestStore crashed = crashedAfter(3);
        TestStore.flip(crashed.log(0), 2 * BATCH + 100, 0);
        String remarks = recoversTo(crashed, 2);
        assertEquals(
                "recovered to epoch 2: 2 batches replayed, a torn batch of epoch 3 at offset 384 of " + crashed.log(0)
                        + " dropped",
                remarks);
    }

    @Test
    void aDamagedMiddleIsRefusedWhereverItIsDamaged() throws Exception {
        TestStore crashed = crashedAfter(4);
        for (int at = 0; at < 144; at++) {
            TestStore.flip(crashed.log(0), BATCH + at, at % 8);
            String message = refuses(crashed, crashed.log(0), BATCH);
            assertTrue(message.contains("epoch 2 is missing"), message);
            assertTrue(message.contains("Last intact epoch: 1"), message);
            TestStore.flip(crashed.log(0), BATCH + at, at % 8);
        }
        recoversTo(crashed, 4);
    }

    @Test
    void theChecksumsOfADamagedBatchAreNamed() throws Exception {
        TestStore crashed = crashedAfter(4);
        int stored = java.nio.ByteBuffer.wrap(TestStore.read(crashed.log(0), BATCH + Batch.CHECKSUM_AT, 4))
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .getInt();
        TestStore.flip(crashed.log(0), BATCH + 100, 0);
        String message = refuses(crashed, crashed.log(0), BATCH);
        assertTrue(message.contains("checksum " + Sector.hexadecimal(stored) + " instead of "), message);
        assertTrue(message.contains("'./vellum verify " + crashed.home() + "'"), message);
    }

    @Test
    void aGapBetweenHomeImageAndLogIsRefused() throws Exception {
        TestStore crashed = crashedAfter(4);
        TestStore.write(crashed.log(0), 0, new byte[2 * BATCH]);
        String message = refuses(crashed, crashed.log(0), 0);
        assertTrue(message.contains("epoch 1 is missing"), message);
        assertTrue(message.contains("Last intact epoch: 0"), message);
    }

    @Test
    void theLastBatchOfAFullSegmentIsNoTailWhenTheOtherSegmentGoesOn() throws Exception {
        TestStore crashed = crashedUntrimmedAfter(BATCHES_IN_A_SEGMENT + 2);
        int last = (BATCHES_IN_A_SEGMENT - 1) * BATCH;
        int generation = (int) crashed.checkpoint().generation();
        for (int at : new int[] {0, 100}) {
            TestStore.flip(crashed.log(Log.index(generation)), last + at, 1);
            refuses(crashed, crashed.log(Log.index(generation)), last);
            TestStore.flip(crashed.log(Log.index(generation)), last + at, 1);
        }
        for (int at : new int[] {0, 100}) {
            TestStore.flip(crashed.log(Log.index(generation + 1)), at, 1);
            refuses(crashed, crashed.log(Log.index(generation + 1)), 0);
            TestStore.flip(crashed.log(Log.index(generation + 1)), at, 1);
        }
        recoversTo(crashed, BATCHES_IN_A_SEGMENT + 2);
    }

    @Test
    void theOnlyBatchBehindASwitchIsATail() throws Exception {
        TestStore crashed = crashedUntrimmedAfter(BATCHES_IN_A_SEGMENT + 1);
        int generation = (int) crashed.checkpoint().generation();
        TestStore.flip(crashed.log(Log.index(generation + 1)), 100, 1);
        String remarks = recoversTo(crashed, BATCHES_IN_A_SEGMENT);
        assertTrue(remarks.contains("torn batch of epoch " + (BATCHES_IN_A_SEGMENT + 1)), remarks);
    }

    @Test
    void validBatchesOfARecycledSegmentAreIgnored() throws Exception {
        int epochs = 2 * BATCHES_IN_A_SEGMENT + 5;
        TestStore crashed = crashedAfter(epochs);
        byte[] old = TestStore.read(crashed.log(0), 5 * BATCH, BATCH);
        assertArrayEquals(
                TestStore.sealed(
                        changes(6), 6, 5, 0, 5 * BATCH, crashed.identity().identity()),
                old,
                "an old valid batch is right behind the tail");
        recoversTo(crashed, epochs);
    }

    @Test
    void aTornTailInFrontOfARecycledSegmentsOldBatchesIsDropped() throws Exception {
        TestStore crashed = crashedWithTrim(TrimTime.BEFORE_THE_LAST_EPOCHS);
        TestStore.flip(crashed.log(0), 4 * BATCH + 100, 0);
        recoversTo(crashed, 2 * BATCHES_IN_A_SEGMENT + 4);
    }

    /** The same torn batch; but the trim came later and took lines of that epoch home. Dropping it would mix epochs. */
    @Test
    void aBadLastBatchIsDamageWhenTheHomeImageAlreadyHoldsItsLines() throws Exception {
        TestStore crashed = crashedWithTrim(TrimTime.BEHIND_THE_LAST_EPOCHS);
        TestStore.flip(crashed.log(0), 4 * BATCH + 100, 0);
        String message = refuses(crashed, crashed.log(0), 4 * BATCH);
        assertTrue(message.contains("home image already holds lines of epoch"), message);
        TestStore.flip(crashed.log(0), 4 * BATCH + 100, 0);
        recoversTo(crashed, 2 * BATCHES_IN_A_SEGMENT + 5);
    }

    private enum TrimTime {
        BEFORE_THE_LAST_EPOCHS,
        BEHIND_THE_LAST_EPOCHS
    }

    /** Five epochs into generation 2, with the trim of generation 1 before or behind the last four of them. */
    private TestStore crashedWithTrim(TrimTime time) {
        CountDownLatch allowed = new CountDownLatch(1);
        AtomicInteger trims = new AtomicInteger();
        PhaseObserver observer = (region, phase) -> {
            if (phase == Phase.TRIM && trims.incrementAndGet() == 2) {
                try {
                    allowed.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        };
        try (StoreImage image = store.open(observer)) {
            commit(image, 2 * BATCHES_IN_A_SEGMENT + 1);
            if (time == TrimTime.BEFORE_THE_LAST_EPOCHS) {
                allowed.countDown();
                awaitCheckpointOfGeneration(2);
            }
            commit(image, 4);
            allowed.countDown();
            awaitCheckpointOfGeneration(2);
            return store.crashImage(directory.resolve("crashed"));
        } finally {
            allowed.countDown();
        }
    }

    private void awaitCheckpointOfGeneration(long generation) {
        while (store.checkpoint().generation() < generation) {
            Thread.onSpinWait();
        }
    }

    /** Batches that share one fdatasync reach the device in any order. */
    @Test
    void aBadBatchThatNoLaterBatchCallsDurableIsATornTail() throws Exception {
        TestStore crashed = crashedAfter(2);
        long identity = crashed.identity().identity();
        byte[] torn = TestStore.sealed(changes(3), 3, 2, 0, 2 * BATCH, identity);
        torn[100]++;
        TestStore.write(crashed.log(0), 2 * BATCH, torn);
        TestStore.write(crashed.log(0), 3 * BATCH, TestStore.sealed(changes(4), 4, 2, 0, 3 * BATCH, identity));
        String remarks = recoversTo(crashed, 2);
        assertTrue(remarks.contains("torn batch of epoch 3"), remarks);
    }

    @Test
    void theSameBadBatchIsDamageWhenALaterBatchCallsItDurable() throws Exception {
        TestStore crashed = crashedAfter(2);
        long identity = crashed.identity().identity();
        byte[] damaged = TestStore.sealed(changes(3), 3, 2, 0, 2 * BATCH, identity);
        damaged[100]++;
        TestStore.write(crashed.log(0), 2 * BATCH, damaged);
        TestStore.write(crashed.log(0), 3 * BATCH, TestStore.sealed(changes(4), 4, 3, 0, 3 * BATCH, identity));
        refuses(crashed, crashed.log(0), 2 * BATCH);
    }

    @Test
    void aBatchDroppedWithTheTailNeverComesBack() throws Exception {
        TestStore crashed = crashedAfter(2);
        long identity = crashed.identity().identity();
        // Epoch 3 was torn; epoch 4 behind it is intact and would fit behind a new epoch 3 of the same length.
        TestStore.write(crashed.log(0), 3 * BATCH, TestStore.sealed(changes(4), 4, 2, 0, 3 * BATCH, identity));
        try (StoreImage image = crashed.open()) {
            assertEquals(2, image.epoch());
            commit(image, 1);
            for (int i = 0; i < 2; i++) {
                TestStore again = crashed.crashImage(directory.resolve("again" + i));
                recoversTo(again, 3 + i);
                commit(image, 1);
            }
        }
    }

    @Test
    void aBatchDroppedBehindASwitchNeverComesBackEither() throws Exception {
        TestStore crashed = crashedUntrimmedAfter(BATCHES_IN_A_SEGMENT + 1);
        long generation = crashed.checkpoint().generation() + 1;
        int last = BATCHES_IN_A_SEGMENT + 1;
        // Would fit behind two new batches at the start of its segment.
        TestStore.write(
                crashed.log(Log.index(generation)),
                2 * BATCH,
                TestStore.sealed(
                        changes(last + 3),
                        last + 3,
                        last,
                        generation,
                        2 * BATCH,
                        crashed.identity().identity()));
        try (StoreImage image = crashed.open()) {
            assertEquals(last, image.epoch());
            commit(image, 2);
            recoversTo(crashed.crashImage(directory.resolve("again")), last + 2);
        }
    }

    @Test
    void aLogOfAnotherRegionIsRefused() throws Exception {
        TestStore crashed = crashedAfter(2);
        TestStore.write(crashed.log(0), 0, TestStore.sealed(changes(1), 1, 0, 0, 0, 42));
        String message = refuses(crashed, crashed.log(0), 0);
        assertTrue(message.contains("belongs to region identity 000000000000002a"), message);

        store.open().close();
        TestStore.write(store.log(1), 0, TestStore.sealed(changes(1), 1, 0, 0, 0, 42));
        refuses(store, store.log(1), 0);
    }

    @Test
    void anIntactBatchThatNamesPagesOutsideIsRefused() throws Exception {
        TestStore crashed = crashedAfter(2);
        BatchBuilder outside = new BatchBuilder().line(TestStore.PAGES, 0, 1);
        TestStore.write(
                crashed.log(0),
                2 * BATCH,
                TestStore.sealed(outside, 3, 2, 0, 2 * BATCH, crashed.identity().identity()));
        String message = refuses(crashed, crashed.log(0), 2 * BATCH);
        assertTrue(message.contains("pages outside of the region"), message);
    }

    @Test
    void anIntactBatchFromBeforeTheCheckpointInALiveGenerationIsRefused() throws Exception {
        TestStore crashed = crashedAfter(2);
        Checkpoint checkpoint = crashed.checkpoint();
        crashed.putCheckpoint(checkpoint.next(Checkpoint.State.IN_USE, 5, 0, 5));
        refuses(crashed, crashed.log(0), 0);
    }

    @Test
    void aGrownSegmentThatWasTruncatedIsRefused() throws Exception {
        TestStore crashed;
        try (StoreImage image = store.open()) {
            TestStore.commit(image, new BatchBuilder().page(0, 1).page(1, 2));
            crashed = store.crashImage(directory.resolve("crashed"));
        }
        TestStore.truncate(crashed.log(1), TestStore.LOG_SIZE / 2);
        refuses(crashed, crashed.log(1), TestStore.LOG_SIZE / 2);
    }
}
