// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.RegionStatus.State;
import org.vellum.api.provider.Store;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.internal.JnaNativePersistence;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.registry.Regions;
import org.vellum.runtime.testing.Bench;
import org.vellum.runtime.testing.Bench.Call;
import org.vellum.runtime.testing.FakeProviders;
import org.vellum.runtime.testing.FolderStore;
import org.vellum.runtime.testing.HostProviders;
import org.vellum.store.image.medium.FileFailure;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Images of open regions that go to another store, on the real core, the host's providers and real files. */
class MoveTest {
    private static final int SIZE = 4 << 20;

    private static HostProviders host;

    @TempDir
    Path folder;

    private FolderStore first;
    private FolderStore second;
    private Regions regions;
    private OpenRegion region;
    private ByteBuffer buffer;

    @BeforeAll
    static void loadNativeCode() {
        host = new HostProviders();
    }

    @AfterAll
    static void releaseNativeCode() {
        host.close();
    }

    @BeforeEach
    void openRegion() {
        first = new FolderStore(host.core, "first", folder.resolve("first"));
        second = new FolderStore(host.core, "second", folder.resolve("second"));
        startRuntime();
        region = regions.open("orders", RegionOptions.size(SIZE).withStore("first"), Bench.OWNER);
        buffer = region.buffer(0, SIZE);
        for (int at = 0; at < SIZE / 2; at += 4096) {
            buffer.putLong(at, 1000 + at);
        }
        region.commit();
    }

    private void startRuntime() {
        regions = host.runtime(first);
        regions.providerArrived(Axis.STORE, second, FakeProviders.properties(Store.PROPERTY, "second", -1, 6));
        regions.providerArrived(Axis.STORE, first, FakeProviders.properties(Store.PROPERTY, "first", 0, 5));
    }

    @AfterEach
    void stopRuntime() {
        regions.stop();
    }

    private OpenRegion openAgain(String store) {
        regions.stop();
        startRuntime();
        return regions.open("orders", RegionOptions.existing().withStore(store), Bench.OWNER);
    }

    private RegionStatus.Swap move(String store) {
        return region.swap(Map.of("store", store));
    }

    private String store() {
        return region.status().providers().store();
    }

    private static List<String> names(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void theRegionGoesOnInTheOtherStoreWithWhatIsCommittedAndWhatIsNot() {
        buffer.putLong(SIZE - 8, 7); // uncommitted

        RegionStatus.Swap swap = move("second");

        assertEquals("host/host/dirty-bit/first", swap.from().toString());
        assertEquals("host/host/dirty-bit/second", swap.to().toString());
        assertEquals(Optional.of(swap), region.status().lastSwap());
        assertEquals(Optional.empty(), region.status().move());
        assertEquals(1, region.status().epoch());
        assertEquals(7, buffer.getLong(SIZE - 8));
        assertEquals(2, region.commit());
        buffer.putLong(0, 99);
        region.rollback();
        assertEquals(1000, buffer.getLong(0));

        OpenRegion again = openAgain("second");
        assertEquals(2, again.status().epoch());
        assertEquals(region.status().address(), again.address());
        ByteBuffer there = again.buffer(0, SIZE);
        assertEquals(7, there.getLong(SIZE - 8));
        for (int at = 0; at < SIZE / 2; at += 4096) {
            assertEquals(1000 + at, there.getLong(at));
        }
    }

    @Test
    void theStoreThatItLeftSaysWhereItWent() {
        move("second");
        region.commit();

        RegionException refusal = assertThrows(InvalidRegionException.class, () -> openAgain("first"));

        assertTrue(
                refusal.getMessage()
                        .contains("it went to store 'second', folder " + folder.resolve("second")
                                + " at epoch 1; open it there"),
                refusal.getMessage());
    }

    @Test
    void itGoesThereAndBackAnyNumberOfTimes() {
        for (int round = 0; round < 4; round++) {
            buffer.putLong(16, round);
            region.commit();
            move(round % 2 == 0 ? "second" : "first");
            buffer.putLong(24, round);
            region.commit();
        }

        ByteBuffer there = openAgain("first").buffer(0, SIZE);
        assertEquals(3, there.getLong(16));
        assertEquals(3, there.getLong(24));
        assertEquals(1000, there.getLong(0));
        assertThrows(InvalidRegionException.class, () -> openAgain("second"));
    }

    /** Each thread counts up in pages of its own; a commit is one instant for all of them, so what is there must be a prefix. */
    @ParameterizedTest
    @ValueSource(strings = {"dirty-bit", "write-protect"})
    void threadsStoreAndCommitWhileItGoesThereAndBack(String strategy) throws InterruptedException {
        region.swap(Map.of("strategy", strategy));
        storeWhile(round -> move(round % 2 == 0 ? "second" : "first"));
    }

    @Test
    void threadsStoreAndCommitWhileItGoesToAPlaceWhereItIsWrittenAndBack() throws InterruptedException {
        FolderStore addressable = new FolderStore(
                host.core,
                "addressable",
                folder.resolve("addressable"),
                new JnaNativePersistence().forProcessor(false));
        regions.providerArrived(
                Axis.STORE, addressable, FakeProviders.properties(Store.PROPERTY, "addressable", -2, 7));
        region.swap(Map.of("strategy", "write-protect"));
        storeWhile(round -> {
            if (round % 2 == 0) {
                move("addressable");
                assertTrue(inPlace(), region.status().remarks().toString());
                region.swap(Map.of("strategy", "dirty-bit"));
                assertFalse(inPlace());
                region.swap(Map.of("strategy", "write-protect"));
                assertTrue(inPlace());
            } else {
                move("first");
                assertFalse(inPlace());
            }
        });
    }

    private boolean inPlace() {
        return region.status().remarks().stream().anyMatch(remark -> remark.startsWith("written in place"));
    }

    private void storeWhile(IntConsumer swaps) throws InterruptedException {
        AtomicBoolean stop = new AtomicBoolean();
        long[] stored = new long[2];
        Thread[] writers = new Thread[2];
        for (int i = 0; i < writers.length; i++) {
            int own = i;
            writers[i] = new Thread(() -> {
                while (!stop.get()) {
                    long next = ++stored[own];
                    buffer.putLong(SIZE / 2 + own * 8 + (int) (next * 4096 % (SIZE / 2)), next);
                    if (own == 0 && next % 16 == 0) {
                        region.commit();
                    }
                }
            });
            writers[i].start();
        }
        try {
            for (int round = 0; round < 6; round++) {
                swaps.accept(round);
            }
        } finally {
            stop.set(true);
            for (Thread writer : writers) {
                writer.join();
            }
        }
        long epoch = region.commit();
        OpenRegion again = openAgain("first");
        assertEquals(epoch, again.status().epoch());
        ByteBuffer there = again.buffer(0, SIZE);
        for (int own = 0; own < writers.length; own++) {
            int slots = SIZE / 2 / 4096;
            for (long value = Math.max(1, stored[own] - slots + 1); value <= stored[own]; value++) {
                assertEquals(value, there.getLong(SIZE / 2 + own * 8 + (int) (value * 4096 % (SIZE / 2))));
            }
        }
    }

    /** Stops the copy at a write until it is let go of. */
    private final class Brake {
        private final CountDownLatch reached = new CountDownLatch(1);
        private final Semaphore permits = new Semaphore(1); // the first piece is let through

        Brake() {
            second.hook = (call, path) -> {
                if (call.equals("write") && path.toString().endsWith(".vellum.new")) {
                    if (!permits.tryAcquire()) {
                        reached.countDown();
                        permits.acquireUninterruptibly();
                    }
                }
            };
        }

        void awaitReached() throws InterruptedException {
            reached.await();
        }

        void release() {
            permits.release(1 << 20);
        }
    }

    @Test
    void commitsGoOnWhileItIsCopiedAndTheStatusTellsHowFarItIs() throws Exception {
        Brake brake = new Brake();
        Call<RegionStatus.Swap> moving = Bench.inAnotherThread(() -> move("second"));
        brake.awaitReached();

        buffer.putLong(0, 5); // in the first piece, which is copied
        buffer.putLong(SIZE - 4096, 6);
        assertEquals(2, region.commit());
        RegionStatus.Move progress = region.status().move().orElseThrow();
        assertEquals("second", progress.store());
        assertEquals(SIZE, progress.totalBytes());
        assertTrue(progress.copiedBytes() < SIZE && progress.percent() < 100, progress.toString());
        assertEquals("first", store());
        assertFalse(moving.result().isDone());

        brake.release();
        moving.value();
        assertEquals("second", store());
        region.commit();
        ByteBuffer there = openAgain("second").buffer(0, SIZE);
        assertEquals(5, there.getLong(0));
        assertEquals(6, there.getLong(SIZE - 4096));
    }

    @Test
    void otherAxesAreSwappedMeanwhileButNotTheStoreToAThirdOne() throws Exception {
        FolderStore third = new FolderStore(host.core, "third", folder.resolve("third"));
        regions.providerArrived(Axis.STORE, third, FakeProviders.properties(Store.PROPERTY, "third", -2, 7));
        Brake brake = new Brake();
        Call<RegionStatus.Swap> moving = Bench.inAnotherThread(() -> move("second"));
        brake.awaitReached();

        assertEquals(
                "host/host/write-protect/first",
                region.swap(Map.of("strategy", "write-protect")).to().toString());
        RegionException refusal = assertThrows(RegionException.class, () -> move("third"));
        assertTrue(refusal.getMessage().contains("its image is on its way to store 'second'"), refusal.getMessage());

        brake.release();
        assertEquals("host/host/write-protect/second", moving.value().to().toString());
    }

    @Test
    void askedForTheStoreInForceItStaysAndNothingIsLeftThere() throws Exception {
        Brake brake = new Brake();
        Call<RegionStatus.Swap> moving = Bench.inAnotherThread(() -> move("second"));
        brake.awaitReached();
        Call<RegionStatus.Swap> back =
                Bench.inAnotherThread(() -> move("first")).awaitWaiting();
        brake.release();

        back.value();
        RegionException refusal = moving.failure(RegionException.class);
        assertTrue(refusal.getMessage().contains("it is to stay in store 'first'"), refusal.getMessage());
        assertEquals("first", store());
        assertEquals(Optional.empty(), region.status().move());
        assertEquals(List.of(), names(folder.resolve("second")));
        buffer.putLong(0, 3);
        assertEquals(2, region.commit());
        assertEquals(3, openAgain("first").buffer(0, 8).getLong(0));
    }

    @Test
    void aStoreThatLeavesIsLeftBeforeItIsGone() throws Exception {
        Brake brake = new Brake();
        Call<RegionStatus.Swap> moving = Bench.inAnotherThread(() -> move("second"));
        brake.awaitReached();
        Call<Object> leaving = Bench.inAnotherThread(() -> {
                    regions.providerLeaves(Axis.STORE, second);
                    return null;
                })
                .awaitWaiting();
        brake.release();

        leaving.value();
        AtomicBoolean used = new AtomicBoolean();
        second.hook = (call, path) -> used.set(true);
        moving.failure(RegionException.class);
        assertEquals(List.of(), names(folder.resolve("second")));
        assertEquals(State.OPEN, region.status().state());
        buffer.putLong(0, 3);
        region.commit();
        assertFalse(used.get());
    }

    @Test
    void aRegionThatIsClosedMeanwhileIsWhereItWas() throws Exception {
        Brake brake = new Brake();
        Call<RegionStatus.Swap> moving = Bench.inAnotherThread(() -> move("second"));
        brake.awaitReached();
        Call<Object> closing = Bench.inAnotherThread(() -> {
                    region.close();
                    return null;
                })
                .awaitWaiting();
        brake.release();

        closing.value();
        moving.failure(RegionException.class);
        assertEquals(List.of(), names(folder.resolve("second")));
        assertEquals(1000, openAgain("first").buffer(0, 8).getLong(0));
    }

    @Test
    void whateverFailsThereTheRegionStaysHere() throws IOException {
        for (String failing : List.of("write", "open", "rename", "ARRIVED_IMAGE", "ARRIVED_NAMES", "UNFINISHED_NAME")) {
            AtomicBoolean once = new AtomicBoolean();
            second.hook = (call, path) -> {
                if (call.equals(failing) && once.compareAndSet(false, true)) {
                    throw new FileFailure(call + " of " + path, Errno.EIO);
                }
            };

            RegionException refusal = assertThrows(RegionException.class, () -> move("second"), failing);

            assertTrue(refusal.getMessage().contains("stays where it is"), refusal.getMessage());
            assertTrue(region.status().remarks().contains(refusal.getMessage()), failing);
            assertEquals(State.OPEN, region.status().state(), failing);
            assertEquals(List.of(), names(folder.resolve("second")), failing);
            buffer.putLong(0, buffer.getLong(0) + 1);
            region.commit();
        }
        assertEquals(1006, openAgain("first").buffer(0, 8).getLong(0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"WHEREABOUTS", "CHECKPOINT", "CHECKPOINT_COPY"})
    void whereItCannotSayThatItLeavesItStays(String point) throws IOException {
        AtomicBoolean once = new AtomicBoolean();
        first.hook = (call, path) -> {
            if (call.equals(point) && once.compareAndSet(false, true)) {
                throw new FileFailure(call + " of " + path, Errno.EIO);
            }
        };

        assertThrows(RegionException.class, () -> move("second"));

        assertEquals(List.of(), names(folder.resolve("second")));
        buffer.putLong(0, 4);
        assertEquals(2, region.commit());
        assertEquals(4, openAgain("first").buffer(0, 8).getLong(0));
    }

    @Test
    void whereItIsNotKnownWhetherItLeftTheRegionFailsAndOneOfTheTwoIsIt() throws IOException {
        first.hook = (call, path) -> {
            if (call.equals("CHECKPOINT")) {
                throw new FileFailure(call + " of " + path, Errno.EIO);
            }
        };

        assertThrows(RegionException.class, () -> move("second"));

        assertEquals(State.FAILED, region.status().state());
        first.hook = (call, path) -> {};
        regions.stop();
        startRuntime();
        int opened = 0;
        for (String store : List.of("first", "second")) {
            try (OpenRegion there =
                    regions.open("orders", RegionOptions.existing().withStore(store), Bench.OWNER)) {
                assertEquals(1, there.status().epoch());
                assertEquals(1000, there.buffer(0, 8).getLong(0));
                opened++;
            } catch (InvalidRegionException elsewhere) {
                assertTrue(
                        elsewhere.getMessage().contains("open it there")
                                || elsewhere.getMessage().contains("Open it there"),
                        elsewhere.getMessage());
            }
        }
        assertEquals(1, opened);
    }

    @Test
    void anotherImageOfThatNameIsNotOverwritten() throws IOException {
        regions.open("other", RegionOptions.size(SIZE).withStore("second"), Bench.OWNER)
                .close();
        Files.move(folder.resolve("second/other.vellum"), folder.resolve("second/orders.vellum"));
        byte[] before = Files.readAllBytes(folder.resolve("second/orders.vellum"));

        RegionException refusal = assertThrows(RegionException.class, () -> move("second"));

        assertTrue(refusal.getMessage().contains("there is an image"), refusal.getMessage());
        assertEquals("first", store());
        assertTrue(java.util.Arrays.equals(before, Files.readAllBytes(folder.resolve("second/orders.vellum"))));
    }

    @Test
    void aSelectorThatDoesNotAllowTheStoreInForceSendsItAwayAndNobodyWaits() throws Exception {
        Brake brake = new Brake();

        regions.configure(region, RegionOptions.size(SIZE).withStore("second"));

        brake.awaitReached();
        assertEquals("first", store());
        brake.release();
        await().until(() -> store().equals("second"));
        regions.configure(region, RegionOptions.size(SIZE).withStore("auto"));
        assertEquals("second", store());
    }

    @Test
    void aConfigurationThatIsChangedBackStopsTheMove() throws Exception {
        Brake brake = new Brake();
        regions.configure(region, RegionOptions.size(SIZE).withStore("second"));
        brake.awaitReached();
        Call<Object> back = Bench.inAnotherThread(() -> {
                    regions.configure(region, RegionOptions.size(SIZE).withStore("first"));
                    return null;
                })
                .awaitWaiting();
        brake.release();

        back.value();
        assertEquals(Optional.empty(), region.status().move());
        assertEquals("first", store());
        assertEquals(List.of(), names(folder.resolve("second")));
    }

    /** Stops the last step of a move, in which nothing can be given up any more, behind the instant of the move. */
    private final class LastStep {
        private final CountDownLatch reached = new CountDownLatch(1);
        private final CountDownLatch released = new CountDownLatch(1);

        LastStep() {
            second.hook = (call, path) -> {
                if (call.equals("OPENED_NAMES")) {
                    reached.countDown();
                    try {
                        released.await();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                }
            };
        }
    }

    @Test
    void whoAsksForTheStoreThatIsBeingLeftGetsItEvenTooLate() throws Exception {
        LastStep last = new LastStep();
        Call<RegionStatus.Swap> moving = Bench.inAnotherThread(() -> move("second"));
        last.reached.await();
        Call<RegionStatus.Swap> back =
                Bench.inAnotherThread(() -> move("first")).awaitWaiting();
        last.released.countDown();

        moving.value();
        back.value();
        assertEquals("first", store());
        buffer.putLong(0, 9);
        region.commit();
        assertEquals(9, openAgain("first").buffer(0, 8).getLong(0));
    }

    @Test
    void aStoreThatLeavesAtTheLastMomentIsLeftAllTheSame() throws Exception {
        LastStep last = new LastStep();
        Call<RegionStatus.Swap> moving = Bench.inAnotherThread(() -> move("second"));
        last.reached.await();
        Call<Object> leaving = Bench.inAnotherThread(() -> {
                    regions.providerLeaves(Axis.STORE, second);
                    return null;
                })
                .awaitWaiting();
        last.released.countDown();

        moving.value();
        leaving.value();
        assertEquals(State.DEGRADED, region.status().state());
        assertEquals("none", store());
        buffer.putLong(0, 9);
        regions.providerArrived(Axis.STORE, second, FakeProviders.properties(Store.PROPERTY, "second", -1, 6));
        assertEquals("second", store());
        assertEquals(2, region.commit());
    }

    @Test
    void theSelectorThatAskedForWhatFailedIsTakenBack() throws Exception {
        AtomicBoolean once = new AtomicBoolean();
        second.hook = (call, path) -> {
            if (call.equals("write") && once.compareAndSet(false, true)) {
                throw new FileFailure(call + " of " + path, Errno.EIO);
            }
        };
        assertThrows(RegionException.class, () -> move("second"));

        regions.providerArrived(Axis.STORE, second, FakeProviders.properties(Store.PROPERTY, "second", 5, 6));

        assertEquals(Optional.empty(), region.status().move());
        assertEquals("first", store());
    }
}
