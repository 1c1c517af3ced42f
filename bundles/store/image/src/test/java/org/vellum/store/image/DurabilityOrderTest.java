// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.CommitException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.RecordingFiles;
import org.vellum.store.image.medium.RecordingFiles.Event;
import org.vellum.store.image.medium.RecordingFiles.Kind;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * The order of file system calls on which durability rests, and what happens when one of them fails. Over 400 lines,
 * because the whole order is meant to be read in one place.
 */
public class DurabilityOrderTest {
    private static final String HOME = ".vellum";
    private static final String LOG0 = "-log0";
    private static final int BATCH = 192;

    @TempDir
    Path directory;

    private TestStore store;
    private byte[] expected = new byte[(int) TestStore.SIZE];
    private int crashes;

    @BeforeEach
    void prepare() {
        store = new TestStore(directory.resolve("running"));
    }

    private void commit(StoreImage image, BatchBuilder changes) {
        TestStore.commit(image, changes);
        expected = changes.appliedTo(expected);
    }

    private CommitException fails(StoreImage image, BatchBuilder changes) {
        long before = image.epoch();
        try (NativeMemory batch = changes.build()) {
            CommitException failure =
                    assertThrows(CommitException.class, () -> image.persist(batch.address(), changes.length()));
            assertEquals(before, image.epoch());
            assertTrue(failure.getMessage().contains("region 'orders'"), failure.getMessage());
            return failure;
        }
    }

    /** A crash now recovers the last acknowledged epoch and its content. */
    private void crashRecovers(long epoch) {
        TestStore crashed = store.crashImage(directory.resolve("crashed" + crashes++));
        try (StoreImage image = crashed.open()) {
            assertEquals(epoch, image.epoch());
            assertArrayEquals(expected, TestStore.content(image));
        }
    }

    private static BatchBuilder line(int value) {
        return new BatchBuilder().line(value % TestStore.PAGES, value % 64, value);
    }

    @Test
    void anEpochIsAcknowledgedAfterItsFdatasync() {
        try (StoreImage image = store.open()) {
            for (int i = 0; i < 3; i++) {
                store.files.forget();
                BatchBuilder changes = line(i);
                try (NativeMemory batch = changes.build()) {
                    image.persist(batch.address(), changes.length());
                    String log = store.log(0).toString();
                    assertEquals(
                            List.of(
                                    new Event(Kind.WRITE, log, (long) i * BATCH, BATCH),
                                    new Event(Kind.SYNC_DATA, log, 0, 0)),
                            store.files.events());
                    image.apply(batch.address(), changes.length());
                }
            }
        }
    }

    /** As kill -9 between append and fdatasync leaves it: the batch is in the page cache and nowhere else. */
    private TestStore killedBetweenAppendAndFdatasync(BatchBuilder changes) {
        TestStore[] killed = new TestStore[1];
        try (StoreImage image = store.open()) {
            commit(image, line(1));
            store.files.hook(event -> {
                if (killed[0] == null && event.is(Kind.SYNC_DATA, LOG0)) {
                    killed[0] = store.crashImage(directory.resolve("killed"));
                }
            });
            TestStore.commit(image, changes);
            store.files.noHook();
        }
        return killed[0];
    }

    /** Rule 1, in recovery. A sync alone would not do: a failed fdatasync of the dead process left clean pages. */
    @Test
    void recoveryMakesTheLastBatchDurableBeforeItsLinesReachHome() {
        TestStore killed = killedBetweenAppendAndFdatasync(line(2));
        killed.open().close();
        String log = killed.log(0).toString();
        assertEquals(
                List.of(new Event(Kind.WRITE, log, BATCH, BATCH), new Event(Kind.SYNC_DATA, log, 0, 0)),
                killed.files.events().subList(0, 2));
    }

    @Test
    void aPowerCutDuringRecoveryNeverMixesEpochs() {
        BatchBuilder second = new BatchBuilder().line(2, 0, 22).line(3, 0, 33);
        TestStore killed = killedBetweenAppendAndFdatasync(second);
        AtomicInteger cuts = new AtomicInteger();
        killed.files.hook(event -> {
            TestStore cut = killed.powerCutImage(directory.resolve("cut" + cuts.incrementAndGet()));
            try (StoreImage image = cut.open()) {
                byte[] whole = image.epoch() == 1 ? expected : second.appliedTo(expected);
                assertArrayEquals(whole, TestStore.content(image), "before " + event);
            }
        });
        try (StoreImage image = killed.open()) {
            killed.files.noHook();
            assertEquals(2, image.epoch());
        }
        assertTrue(cuts.get() > 5, "cuts: " + cuts);
    }

    @Test
    void aRecoveryThatCannotMakeTheLastBatchDurableLeavesHomeAlone() throws Exception {
        TestStore killed = killedBetweenAppendAndFdatasync(line(2));
        byte[] home = Files.readAllBytes(killed.home());
        for (Kind kind : new Kind[] {Kind.WRITE, Kind.SYNC_DATA}) {
            killed.files.failOnce(kind, LOG0, Errno.EIO);
            RegionException failure = assertThrows(RegionException.class, killed::open);
            assertTrue(failure.getMessage().contains(killed.log(0).toString()), failure.getMessage());
            assertArrayEquals(home, Files.readAllBytes(killed.home()));
        }
        killed.files.noHook();
        try (StoreImage image = killed.open()) {
            assertEquals(2, image.epoch());
        }
    }

    @Test
    void anEpochThatWasNotAppliedIsReplayedByTheNextOpen() {
        StoreImage image = store.open();
        commit(image, line(1));
        BatchBuilder changes = line(2);
        try (NativeMemory batch = changes.build()) {
            assertEquals(2, image.persist(batch.address(), changes.length()));
        }
        image.close();
        expected = changes.appliedTo(expected);
        try (StoreImage reopened = store.open()) {
            assertEquals(2, reopened.epoch());
            assertArrayEquals(expected, TestStore.content(reopened));
        }
    }

    /** Otherwise the trim at a later switch of the log would say that the epoch is at home. */
    @Test
    void noBatchIsAcceptedBehindAnEpochThatWasNotApplied() {
        try (StoreImage image = store.open()) {
            commit(image, line(1));
            BatchBuilder changes = line(2);
            try (NativeMemory batch = changes.build()) {
                image.persist(batch.address(), changes.length());
                CommitException refused = fails(image, line(3));
                assertTrue(refused.getMessage().contains("epoch 2 is durable"), refused.getMessage());
                image.apply(batch.address(), changes.length());
            }
            expected = changes.appliedTo(expected);
            commit(image, line(3));
            crashRecovers(3);
        }
    }

    /** A killed creator may have renamed the image without living to sync its name. */
    @Test
    void theNamesOfAnImageAreDurableBeforeItIsInUse() {
        store.open().close();
        store.files.forget();
        store.open().close();
        List<Event> events = store.files.events();
        int synced = events.indexOf(new Event(Kind.SYNC_DIRECTORY, store.directory.toString(), 0, 0));
        assertTrue(synced >= 0, events.toString());
        assertTrue(events.subList(0, synced).stream().noneMatch(event -> event.isCheckpoint()), events.toString());
    }

    @Test
    void aBatchSaysWhichEpochWasDurableAndWhichGenerationItBelongsTo() throws Exception {
        try (StoreImage image = store.open()) {
            for (int i = 1; i <= 3; i++) {
                commit(image, line(i));
                ByteBuffer header = ByteBuffer.wrap(TestStore.read(store.log(0), (long) (i - 1) * BATCH, 64))
                        .order(ByteOrder.LITTLE_ENDIAN);
                assertEquals(i, header.getLong(Batch.EPOCH_AT));
                assertEquals(i - 1, header.getLong(Batch.DURABLE_EPOCH_AT));
                assertEquals(0, header.getLong(Batch.GENERATION_AT));
                assertEquals((i - 1) * BATCH, header.getLong(Batch.OFFSET_AT));
                assertEquals(image.identity(), header.getLong(Batch.IDENTITY_AT));
                assertEquals(80, header.getLong(Batch.PAYLOAD_LENGTH_AT));
            }
        }
    }

    /** Rule 2. The checkpoint is read back at the moment of each switch; the order before it is the recorded one. */
    @Test
    void aLogSegmentIsRecycledOnlyWhenItsEpochsAreDurableAtHome() {
        int perSegment = (int) (TestStore.LOG_SIZE / 2 / BATCH);
        AtomicInteger recycled = new AtomicInteger();
        List<String> broken = new CopyOnWriteArrayList<>();
        try (StoreImage image = store.open()) {
            store.files.hook(new RecordingFiles.Hook() {
                private int unsyncedPages;
                private int syncedPages;
                private boolean checkpointDurable = true;
                private boolean copy;
                private int commits;

                @Override
                public void before(Event event) {
                    if (event.kind() == Kind.WRITE && event.file().contains("-log")) {
                        if (event.offset() == 0 && commits > perSegment) {
                            entered();
                        }
                        commits++;
                    } else if (event.isCheckpoint()) {
                        checkpointDurable = false;
                        copy = !copy;
                        if (!copy) {
                            return;
                        }
                        if (unsyncedPages != 0 || syncedPages != TestStore.PAGES) {
                            broken.add("a checkpoint follows " + unsyncedPages + " pages not synced and " + syncedPages
                                    + " synced");
                        }
                        syncedPages = 0;
                    } else if (event.is(Kind.WRITE, HOME) && event.offset() >= 2 << 20) {
                        unsyncedPages += (int) (event.length() / NativeCore.PAGE_SIZE);
                    } else if (event.is(Kind.SYNC_DATA, HOME)) {
                        syncedPages += unsyncedPages;
                        unsyncedPages = 0;
                        checkpointDurable = true;
                    }
                }

                private void entered() {
                    recycled.incrementAndGet();
                    long overwritten = commits - perSegment;
                    long home = store.checkpoint().homeEpoch();
                    if (home < overwritten || !checkpointDurable) {
                        broken.add("epochs up to " + overwritten + " are overwritten while "
                                + (checkpointDurable ? "" : "not durably ") + home + " is at home");
                    }
                }
            });
            for (int i = 0; i < 7 * perSegment + 3; i++) {
                commit(image, line(i));
            }
            store.files.noHook();
        }
        assertEquals(List.of(), broken);
        assertEquals(6, recycled.get());
    }

    /** Rule 3. */
    @Test
    void aFailedBatchIsDurablyInvalidatedBeforeTheNextAcknowledgement() throws Exception {
        try (StoreImage image = store.open()) {
            commit(image, line(1));
            store.files.failOnce(Kind.SYNC_DATA, LOG0, Errno.EIO);
            store.files.forget();
            CommitException failure = fails(image, line(2));
            assertTrue(failure.getMessage().contains("EIO"), failure.getMessage());
            assertTrue(failure.getMessage().contains("offset 192 of " + store.log(0)), failure.getMessage());
            String log = store.log(0).toString();
            assertEquals(
                    List.of(
                            new Event(Kind.WRITE, log, BATCH, BATCH),
                            new Event(Kind.WRITE, log, BATCH, 64),
                            new Event(Kind.SYNC_DATA, log, 0, 0)),
                    store.files.events());
            assertArrayEquals(new byte[64], TestStore.read(store.log(0), BATCH, 64));
            crashRecovers(1);
            commit(image, line(3));
            crashRecovers(2);
        }
    }

    /** Rule 3, where the invalidation fails too. */
    @Test
    void nothingIsAcknowledgedWhileAFailedBatchMightBeFound() {
        try (StoreImage image = store.open()) {
            commit(image, line(1));
            store.files.failAlways(Kind.SYNC_DATA, LOG0, Errno.EIO);
            fails(image, line(2));
            store.files.forget();
            CommitException failure = fails(image, line(3));
            assertTrue(failure.getMessage().contains("cannot be invalidated"), failure.getMessage());
            assertThrows(CommitException.class, image::forgetFailedBatch);
            String log = store.log(0).toString();
            Event invalidation = new Event(Kind.WRITE, log, BATCH, 64);
            assertEquals(List.of(invalidation, invalidation), store.files.events());

            store.files.noHook();
            store.files.forget();
            commit(image, line(4));
            assertEquals(
                    List.of(
                            invalidation,
                            new Event(Kind.SYNC_DATA, log, 0, 0),
                            new Event(Kind.WRITE, log, BATCH, BATCH),
                            new Event(Kind.SYNC_DATA, log, 0, 0)),
                    store.files.events());
            crashRecovers(2);
        }
    }

    @Test
    void forgettingAFailedBatchMakesSureThatRecoveryDoesNotFindIt() {
        try (StoreImage image = store.open()) {
            commit(image, line(1));
            store.files.failAlways(Kind.SYNC_DATA, LOG0, Errno.EIO);
            fails(image, line(2));
            store.files.noHook();
            store.files.forget();
            image.forgetFailedBatch();
            assertEquals(Kind.SYNC_DATA, store.files.events().get(1).kind());
            crashRecovers(1);
            store.files.forget();
            image.forgetFailedBatch();
            assertEquals(List.of(), store.files.events());
        }
    }

    /**
     * A batch that failed and a shorter one that then takes its place: nothing of the longer one may be found behind
     * it.
     */
    @Test
    void theRestOfALongFailedBatchIsNotFoundBehindAShortOne() {
        try (StoreImage image = store.open()) {
            commit(image, line(1));
            store.files.failOnce(Kind.SYNC_DATA, LOG0, Errno.EIO);
            BatchBuilder longer = new BatchBuilder();
            for (int i = 0; i < 20; i++) {
                longer.line(i % TestStore.PAGES, i, 100 + i);
            }
            fails(image, longer);
            commit(image, line(2));
            crashRecovers(2);
        }
    }

    @Test
    void aDiskThatIsFullDuringAnAppendFailsTheCommitAndNothingElse() {
        try (StoreImage image = store.open()) {
            commit(image, line(1));
            store.files.failOnce(Kind.WRITE, LOG0, Errno.ENOSPC);
            CommitException failure = fails(image, line(2));
            assertTrue(failure.getMessage().contains("ENOSPC"), failure.getMessage());
            assertTrue(failure.getMessage().contains("free space"), failure.getMessage());
            crashRecovers(1);
            commit(image, line(2));
            assertEquals(2, image.epoch());
            crashRecovers(2);
        }
    }

    @Test
    void anAppendCutShortFailsTheCommitAndNothingElse() {
        try (StoreImage image = store.open()) {
            commit(image, line(1));
            store.files.hook(new RecordingFiles.Hook() {
                @Override
                public void before(Event event) {}

                @Override
                public void halfWritten(Event event) throws FileFailure {
                    throw new FileFailure("write cut short (injected)", Errno.EIO);
                }
            });
            fails(image, new BatchBuilder().page(0, 3).line(1, 1, 1));
            crashRecovers(1);
            store.files.noHook();
            commit(image, line(2));
            crashRecovers(2);
        }
    }

    @Test
    void aDiskThatIsFullWhenTheLogMustGrowFailsTheCommitAndNothingElse() throws Exception {
        BatchBuilder large = new BatchBuilder().page(0, 3).page(1, 4);
        for (Kind kind : new Kind[] {Kind.ALLOCATE, Kind.WRITE, Kind.SYNC_DATA}) {
            store = new TestStore(directory.resolve("running " + kind));
            expected = new byte[(int) TestStore.SIZE];
            try (StoreImage image = store.open()) {
                commit(image, line(1));
                store.files.failOnce(kind, "-log1", Errno.ENOSPC);
                CommitException failure = fails(image, large);
                assertTrue(failure.getMessage().contains("cannot grow"), failure.getMessage());
                assertTrue(failure.getMessage().contains("ENOSPC"), failure.getMessage());
                assertEquals(TestStore.LOG_SIZE / 2, Files.size(store.log(1)), "the room is given back");
                assertEquals(TestStore.LOG_SIZE, image.logSize());
                crashRecovers(1);
                commit(image, line(2));
                crashRecovers(2);
                commit(image, large);
                crashRecovers(3);
            }
        }
    }

    @Test
    void aGrowthWhoseCheckpointFailsIsRepeatedAndNeverShrinksWhatMayBeOnRecord() throws Exception {
        BatchBuilder large = new BatchBuilder().page(0, 3).page(1, 4);
        try (StoreImage image = store.open()) {
            commit(image, line(1));
            store.files.failOnce(Kind.SYNC_DATA, HOME, Errno.EIO);
            fails(image, large);
            crashRecovers(1);
            store.files.failOnce(Kind.SYNC_DATA, "-log1", Errno.EIO);
            fails(image, large);
            assertTrue(Files.size(store.log(1)) > large.length(), "a checkpoint on the device may name that size");
            crashRecovers(1);
            commit(image, large);
            crashRecovers(2);
        }
    }

    /** The first trim fails behind its page writes; the kernel may have dropped any of those pages. */
    @Test
    void aFailedTrimLosesNothingAndIsRepeatedAsAWhole() {
        int perSegment = (int) (TestStore.LOG_SIZE / 2 / BATCH);
        try (StoreImage image = store.open()) {
            store.files.failAlways(Kind.SYNC_DATA, HOME, Errno.EIO);
            for (int i = 1; i <= 2 * perSegment; i++) {
                commit(image, line(i));
            }
            crashRecovers(2L * perSegment);
            CommitException failure = fails(image, line(99));
            assertTrue(failure.getMessage().contains("cannot be trimmed"), failure.getMessage());
            assertTrue(
                    image.remarks().get(0).contains("cannot be trimmed"),
                    image.remarks().toString());
            crashRecovers(2L * perSegment);

            store.files.noHook();
            store.files.forget();
            commit(image, line(100));
            assertEquals(List.of(), image.remarks());
            long pagesWritten = store.files.events().stream()
                    .takeWhile(event -> !event.isCheckpoint())
                    .filter(event -> event.is(Kind.WRITE, HOME) && event.offset() >= 2 << 20)
                    .mapToLong(event -> event.length() / NativeCore.PAGE_SIZE)
                    .sum();
            assertEquals(TestStore.PAGES, pagesWritten, "every page of the segment is written again");
            crashRecovers(2L * perSegment + 1);
        }
    }

    @Test
    void aCheckpointThatFailsFreesNothing() {
        int perSegment = (int) (TestStore.LOG_SIZE / 2 / BATCH);
        try (StoreImage image = store.open()) {
            store.files.hook(event -> {
                if (event.isCheckpoint()) {
                    throw new FileFailure("checkpoint (injected)", Errno.EIO);
                }
            });
            for (int i = 1; i <= 2 * perSegment; i++) {
                commit(image, line(i));
            }
            fails(image, line(99));
            crashRecovers(2L * perSegment);
            store.files.noHook();
            commit(image, line(99));
            crashRecovers(2L * perSegment + 1);
        }
    }

    @Test
    void aCloseThatCannotWriteHomeLosesNothing() {
        StoreImage image = store.open();
        commit(image, line(1));
        commit(image, line(2));
        store.files.failAlways(Kind.SYNC_DATA, HOME, Errno.EIO);
        image.close();
        store.files.noHook();
        try (StoreImage reopened = store.open()) {
            assertEquals(2, reopened.epoch());
            assertArrayEquals(expected, TestStore.content(reopened));
        }
    }

    @Test
    void anAddressThatCannotBeRecordedIsNotRemembered() {
        try (StoreImage image = store.open()) {
            store.files.failOnce(Kind.SYNC_DATA, HOME, Errno.EIO);
            assertThrows(RegionException.class, () -> image.recordAddress(0x1000));
            assertEquals(0, image.address());
            image.recordAddress(0x2000);
            assertEquals(0x2000, image.address());
        }
        try (StoreImage image = store.open()) {
            assertEquals(0x2000, image.address());
        }
    }

    @Test
    void anOpenThatFailsLetsGoOfTheLock() {
        store.open().close();
        store.files.failOnce(Kind.SYNC_DATA, HOME, Errno.EIO);
        RegionException failure = assertThrows(RegionException.class, store::open);
        assertTrue(failure.getMessage().contains("EIO"), failure.getMessage());
        store.files.noHook();
        store.open().close();
    }

    @Test
    void aClosedLogIsMarkedInUseBeforeTheFirstAppend() {
        store.open().close();
        assertEquals(Checkpoint.State.CLOSED, store.checkpoint().state());
        try (StoreImage image = store.open()) {
            assertEquals(Checkpoint.State.IN_USE, store.checkpoint().state());
            assertEquals(0, image.epoch());
        }
    }
}
