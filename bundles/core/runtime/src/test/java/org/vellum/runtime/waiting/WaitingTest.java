// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.waiting;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vellum.api.AbandonedSectionException;
import org.vellum.api.CommitException;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionInterruptedException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.RegionTimeoutException;
import org.vellum.api.Section;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.testing.Bench;
import org.vellum.runtime.testing.Bench.Call;
import org.vellum.runtime.testing.FakeProviders;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Who waits for whom, for how long, and what is said of it. The limits only guard against a test that hangs. */
@SuppressWarnings("try") // sections are opened to be open
@Tag("slow")
class WaitingTest {
    private static final Duration GUARD = Duration.ofMinutes(2);

    private final Bench bench = Bench.complete();
    private final OpenRegion region = bench.open("orders");
    /** Of threads that are to do something until the test is over. */
    private final AtomicBoolean over = new AtomicBoolean();

    @AfterEach
    void end() {
        over.set(true);
        bench.store.persistPermits.release(1000);
    }

    private void store(int offset, int value) {
        region.buffer(offset, 1).put(0, (byte) value);
    }

    private int load(int offset) {
        return region.buffer(offset, 1).get(0);
    }

    private static <T> T within(CompletableFuture<T> result) {
        return result.orTimeout(GUARD.toSeconds(), TimeUnit.SECONDS).join();
    }

    private void repeat(Runnable action) {
        Bench.inAnotherThread(() -> {
            while (!over.get()) {
                action.run();
            }
            return null;
        });
    }

    /** A section that a thread leaves open when it ends. */
    private void dieInASection(String thread, int offset) throws InterruptedException {
        Thread dying = new Thread(
                () -> {
                    region.section();
                    store(offset, 1);
                },
                thread);
        dying.start();
        dying.join();
    }

    // Sections and commits that wait

    @Test
    void sectionsOfThreadsThatASectionWaitsForAreOpenedWhileACommitWaits() {
        Section outer = region.section();
        Call<Long> commit = Bench.inAnotherThread(region::commit).awaitWaiting();

        for (int i = 0; i < 3; i++) { // one after the other: each is kept out for a moment
            within(Bench.inAnotherThread(() -> {
                        region.section().close();
                        return null;
                    })
                    .result());
        }
        commit.awaitWaiting();

        outer.close();
        within(commit.result());
    }

    @Test
    void sectionsInTheTasksOfAParallelStreamInsideASectionGoOnBesideCommits() {
        repeat(region::commit);
        ForkJoinPool pool = new ForkJoinPool(4);
        Call<Object> writer = Bench.inAnotherThread(() -> {
            for (int round = 0; round < 300; round++) {
                try (Section outer = region.section()) {
                    pool.submit(() -> IntStream.range(0, 64)
                                    .parallel()
                                    .forEach(i -> region.section().close()))
                            .join();
                }
            }
            return null;
        });

        within(writer.result());
        pool.shutdown();
    }

    @Test
    void twoThreadsWhoseSectionsWaitForSectionsOfATaskGoOnBesideCommits() {
        repeat(region::commit);
        ForkJoinPool pool = new ForkJoinPool(4);
        Callable<Object> writing = () -> {
            for (int round = 0; round < 100; round++) {
                try (Section outer = region.section()) {
                    pool.submit(() -> region.section().close()).join();
                    pool.submit(() -> region.section().close()).join();
                }
            }
            return null;
        };
        Call<Object> one = Bench.inAnotherThread(writing);
        Call<Object> other = Bench.inAnotherThread(writing);

        within(one.result());
        within(other.result());
        pool.shutdown();
    }

    @Test
    void aCommitComesAboutUnderSectionsThatNeverStop() {
        for (int i = 0; i < 4; i++) {
            repeat(() -> {
                try (Section section = region.section()) {
                    Thread.sleep(3);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
        }
        for (int i = 0; i < 20; i++) {
            store(0, i + 1);
            within(Bench.inAnotherThread(region::commit).result());
        }
        assertEquals(20, region.status().commits());
    }

    @Test
    void sectionsComeAboutUnderCommitsThatNeverStop() {
        for (int i = 0; i < 3; i++) {
            repeat(region::commit);
        }
        within(Bench.inAnotherThread(() -> {
                    for (int i = 0; i < 1000; i++) {
                        region.section().close();
                    }
                    return null;
                })
                .result());
    }

    @Test
    void anyNumberOfSectionsCanBeOpen() {
        List<Section> open = new ArrayList<>();
        for (int i = 0; i < 70_000; i++) {
            open.add(region.section());
        }
        Call<Long> commit = Bench.inAnotherThread(region::commit).awaitWaiting();
        assertEquals(RegionStatus.SHOWN, region.status().sections().size());

        open.forEach(Section::close);

        within(commit.result());
    }

    @Test
    void aSwapThatLastsKeepsNoSectionOut() throws InterruptedException {
        CountDownLatch swapping = new CountDownLatch(1);
        CountDownLatch swapped = new CountDownLatch(1);
        Strategy slow = new Strategy() {
            @Override
            public String name() {
                return "slow";
            }

            @Override
            public long operations() {
                swapping.countDown();
                try {
                    swapped.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                return 3;
            }

            @Override
            public Tracking tracking() {
                return Tracking.DIRTY_BIT;
            }
        };
        bench.regions.providerArrived(Axis.STRATEGY, slow, FakeProviders.properties(Strategy.PROPERTY, "slow", -1, 9));
        Call<Object> swap = Bench.inAnotherThread(() -> region.swap(Map.of("strategy", "slow")));
        swapping.await();
        Call<Long> commit = Bench.inAnotherThread(region::commit).awaitWaiting();

        within(Bench.inAnotherThread(() -> {
                    region.section().close();
                    return null;
                })
                .result());

        swapped.countDown();
        within(swap.result());
        within(commit.result());
    }

    // Threads that end in a section

    @Test
    void aCommitIsRefusedAfterAThreadEndedInASectionAndNamesIt() throws InterruptedException {
        dieInASection("worker-7", 0);

        CommitException refusal = assertThrows(AbandonedSectionException.class, region::commit);

        assertTrue(refusal.getMessage().contains("region 'orders'"), refusal.getMessage());
        assertTrue(refusal.getMessage().contains("thread 'worker-7'"), refusal.getMessage());
        assertTrue(refusal.getMessage().contains("rollback()"), refusal.getMessage());
        assertTrue(refusal.getMessage().contains("abandonSections()"), refusal.getMessage());
        assertThrows(AbandonedSectionException.class, region::commit);
        assertThrows(AbandonedSectionException.class, () -> region.atomically(() -> store(1, 1)));
        assertEquals(0, bench.store.persistsEntered.get());
        assertEquals(1, load(0));
        RegionStatus status = region.status();
        assertEquals("worker-7", status.sections().get(0).thread());
        assertTrue(status.sections().get(0).abandoned().isPresent());
        assertTrue(status.remarks().stream().anyMatch(remark -> remark.contains("worker-7")), status.toString());
        assertTrue(status.toDTO().sections[0].contains("worker-7"));
    }

    @Test
    void aCommitThatWaitsIsToldWhenTheThreadItWaitsForEnds() throws InterruptedException {
        CountDownLatch end = new CountDownLatch(1);
        Thread dying = new Thread(() -> {
            region.section();
            try {
                end.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        dying.start();
        await().until(() -> !region.status().sections().isEmpty());
        Call<Long> commit = Bench.inAnotherThread(region::commit).awaitWaiting();

        end.countDown();

        commit.failure(AbandonedSectionException.class);
    }

    @Test
    void rollbackTakesBackWhatADeadThreadLeftAndCommitsGoOn() throws InterruptedException {
        dieInASection("worker-7", 0);

        region.rollback();

        assertEquals(0, load(0));
        store(1, 1);
        assertEquals(1, region.commit());
        assertTrue(region.status().sections().isEmpty());
    }

    @Test
    void abandonSectionsAcceptsWhatADeadThreadLeft() throws InterruptedException {
        dieInASection("worker-7", 0);
        dieInASection("worker-8", 4096);

        assertEquals(2, region.abandonSections());

        assertEquals(1, region.commit());
        assertEquals(1, bench.store.durableContent("orders")[4096]);
        assertEquals(0, region.abandonSections());
    }

    @Test
    void abandonSectionsLeavesThoseAloneThatCanBeClosed() {
        Section open = region.section();

        assertEquals(0, Bench.inAnotherThread(region::abandonSections).value());

        Call<Long> commit = Bench.inAnotherThread(region::commit).awaitWaiting();
        open.close();
        within(commit.result());
    }

    @Test
    void otherSectionsAndCloseGoOnAfterAThreadEndedInASection() throws InterruptedException {
        dieInASection("worker-7", 0);

        region.section().close();
        Bench.inAnotherThread(() -> {
                    region.section().close();
                    region.close();
                    return null;
                })
                .value();

        assertFalse(region.isOpen());
        assertThrows(RegionClosedException.class, region::section);
    }

    @Test
    void aSectionThatNobodyHoldsAnyMoreIsAbandonedThoughItsThreadLives() {
        Call<Object> dropping = Bench.inAnotherThread(() -> {
            region.section();
            store(0, 1);
            while (!over.get()) {
                Thread.sleep(1);
            }
            return null;
        });
        await().atMost(GUARD).until(() -> {
            System.gc();
            return region.status().sections().stream()
                    .anyMatch(section -> section.abandoned().isPresent());
        });

        assertThrows(AbandonedSectionException.class, region::commit);
        assertEquals(1, region.abandonSections());
        assertEquals(1, region.commit());
        assertTrue(dropping.thread().isAlive());
    }

    // Interrupts

    private enum Operation {
        COMMIT,
        ROLLBACK,
        ATOMICALLY,
        SECTION,
        CLOSE;

        private void on(OpenRegion region) {
            switch (this) {
                case COMMIT -> region.commit();
                case ROLLBACK -> region.rollback();
                case ATOMICALLY ->
                    region.<RuntimeException>atomically(
                            () -> region.buffer(64, 1).put(0, (byte) 1));
                case SECTION -> region.section();
                case CLOSE -> region.close();
            }
        }

        private void within(OpenRegion region, Duration limit) {
            switch (this) {
                case COMMIT -> region.commitWithin(limit);
                case ROLLBACK -> region.rollbackWithin(limit);
                case ATOMICALLY ->
                    region.<RuntimeException>atomicallyWithin(
                            limit, () -> region.buffer(64, 1).put(0, (byte) 1));
                case SECTION -> region.sectionWithin(limit);
                case CLOSE -> region.closeWithin(limit);
            }
        }
    }

    /** Nothing can be done with the region until this is told to. */
    private Call<Long> hangInAtomically(CountDownLatch go) throws InterruptedException {
        CountDownLatch inside = new CountDownLatch(1);
        Call<Long> body = Bench.inAnotherThread(() -> region.<InterruptedException>atomically(() -> {
            store(0, 1);
            inside.countDown();
            go.await();
        }));
        inside.await();
        return body;
    }

    @ParameterizedTest
    @EnumSource(
            value = Operation.class,
            names = {"COMMIT", "ROLLBACK", "ATOMICALLY", "CLOSE"})
    void anInterruptEndsWaitingForABodyAndIsKept(Operation operation) throws InterruptedException {
        CountDownLatch go = new CountDownLatch(1);
        Call<Long> body = hangInAtomically(go);
        endsByInterrupt(operation, "the body of atomically()");
        go.countDown();

        assertEquals(1, within(body.result()));
        assertEquals(2, region.<RuntimeException>atomically(() -> store(0, 2)));
    }

    private void endsByInterrupt(Operation operation, String forWhom) {
        Call<String> call = Bench.inAnotherThread(() -> {
                    String message = assertThrows(RegionInterruptedException.class, () -> operation.on(region))
                            .getMessage();
                    assertTrue(Thread.currentThread().isInterrupted(), "the interrupt flag");
                    return message;
                })
                .awaitWaiting();
        await().until(() -> region.status().waiting().stream()
                .anyMatch(waiting -> waiting.thread().equals(call.thread().getName())));

        call.thread().interrupt();

        String message = within(call.result());
        assertTrue(message.contains("region 'orders'") && message.contains(forWhom), message);
        assertTrue(region.isOpen());
        assertTrue(
                region.status().waiting().isEmpty(), region.status().waiting().toString());
    }

    @ParameterizedTest
    @EnumSource(
            value = Operation.class,
            names = {"COMMIT", "ROLLBACK", "CLOSE"})
    void anInterruptEndsWaitingForSectionsAndNothingIsDone(Operation operation) {
        Section section = region.section();
        store(0, 1);

        endsByInterrupt(operation, "thread '" + Thread.currentThread().getName() + "'");

        section.close();
        assertEquals(1, load(0));
        assertEquals(1, region.commit());
    }

    @Test
    void anInterruptEndsWaitingForASectionDuringACut() throws InterruptedException {
        CountDownLatch cutting = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        bench.core.duringCut = () -> {
            cutting.countDown();
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        };
        Call<Long> commit = Bench.inAnotherThread(region::commit);
        cutting.await();

        endsByInterrupt(Operation.SECTION, "commit()");

        go.countDown();
        within(commit.result());
        region.commit();
    }

    @Test
    void aBodyIsRolledBackWhenItsCommitIsInterrupted() {
        Section section = region.section();
        Call<Object> atomically = Bench.inAnotherThread(() -> {
                    assertThrows(RegionInterruptedException.class, () -> region.atomically(() -> store(64, 1)));
                    return null;
                })
                .awaitWaiting();
        await().until(() -> !region.status().waiting().isEmpty());

        atomically.thread().interrupt();
        await().until(() -> region.status().waiting().stream()
                .anyMatch(waiting -> waiting.operation().contains("rollback")));
        section.close();

        within(atomically.result());
        assertEquals(0, load(64));
        region.commit();
    }

    @Test
    void aBodyThatCannotBeRolledBackIsNeverCommittedByHalves() {
        Section section = region.section();
        Call<Object> atomically = Bench.inAnotherThread(() -> {
            assertThrows(
                    RegionTimeoutException.class,
                    () -> region.atomicallyWithin(Duration.ofMillis(1), () -> store(64, 1)));
            return null;
        });
        within(atomically.result());
        section.close();

        AbandonedSectionException refusal = assertThrows(AbandonedSectionException.class, region::commit);
        assertTrue(refusal.getMessage().contains("atomically()"), refusal.getMessage());
        region.rollback();
        assertEquals(0, load(64));
        region.commit();
    }

    @ParameterizedTest
    @EnumSource(Operation.class)
    void nothingIsInterruptedThatNeedNotWait(Operation operation) {
        Bench.inAnotherThread(() -> {
                    Thread.currentThread().interrupt();
                    operation.on(region);
                    assertTrue(Thread.currentThread().isInterrupted(), "the interrupt flag");
                    return null;
                })
                .value();
    }

    @Test
    void aThreadThatWasInterruptedBeforeStillClosesItsRegion() {
        Section section = region.section();
        Call<Object> close = Bench.inAnotherThread(() -> {
                    Thread.currentThread().interrupt();
                    region.close();
                    assertTrue(Thread.currentThread().isInterrupted(), "the interrupt flag");
                    return null;
                })
                .awaitWaiting();

        section.close();

        within(close.result());
        assertFalse(region.isOpen());
    }

    @Test
    void sectionsOfAThreadWhoseCloseDidNotComeAboutAreNotForgotten() {
        Section others = region.section();
        Bench.inAnotherThread(() -> {
                    region.section();
                    store(0, 1);
                    assertThrows(RegionTimeoutException.class, () -> region.closeWithin(Duration.ZERO));
                    return null;
                })
                .value();
        others.close();

        assertThrows(AbandonedSectionException.class, region::commit);
    }

    // Limits

    @ParameterizedTest
    @EnumSource(
            value = Operation.class,
            names = {"COMMIT", "ROLLBACK", "ATOMICALLY", "CLOSE"})
    void aLimitEndsTheWaitAndSaysForWhom(Operation operation) throws InterruptedException {
        CountDownLatch go = new CountDownLatch(1);
        Call<Long> body = hangInAtomically(go);
        String name = body.thread().getName();

        for (Duration limit : List.of(Duration.ZERO, Duration.ofMillis(20))) {
            RegionTimeoutException end =
                    assertThrows(RegionTimeoutException.class, () -> operation.within(region, limit));
            assertTrue(end.getMessage().contains("thread '" + name + "'"), end.getMessage());
        }

        go.countDown();
        assertEquals(1, within(body.result()));
        assertThrows(IllegalArgumentException.class, () -> operation.within(region, Duration.ofMillis(-1)));
        operation.within(region, Duration.ofSeconds(Long.MAX_VALUE));
    }

    @Test
    void theLimitOfTheRegionIsForCallsThatNameNone() {
        OpenRegion impatient = bench.regions.open(
                "impatient", RegionOptions.size(4096).withWaitLimit(Duration.ofMillis(20)), Bench.OWNER);
        Section section = impatient.section();
        for (Operation operation : List.of(Operation.COMMIT, Operation.ROLLBACK, Operation.CLOSE)) {
            Bench.inAnotherThread(() -> assertThrows(RegionTimeoutException.class, () -> operation.on(impatient)))
                    .value();
        }
        section.close();
        impatient.commit();
    }

    // What is said

    @Test
    void theStatusTellsWhoWaitsAndWhoHasASectionOpen() {
        Section section = region.section();
        Call<Long> commit = Bench.inAnotherThread(region::commit).awaitWaiting();
        await().until(() -> !region.status().waiting().isEmpty());

        RegionStatus status = region.status();

        assertEquals(Thread.currentThread().getName(), status.sections().get(0).thread());
        assertEquals(Optional.empty(), status.sections().get(0).abandoned());
        RegionStatus.Waiting waiting = status.waiting().get(0);
        assertEquals("commit()", waiting.operation());
        assertEquals(commit.thread().getName(), waiting.thread());
        assertTrue(
                waiting.forWhom().contains("thread '" + Thread.currentThread().getName() + "'"), waiting.toString());
        assertTrue(status.toDTO().waiting[0].contains("commit()"));
        section.close();
        commit.value();
        assertTrue(region.status().waiting().isEmpty());
    }

    @Test
    void whatLastsIsSaidInTheLog() {
        List<String> said = new ArrayList<>();
        Handler handler = new Handler() {
            @Override
            public synchronized void publish(LogRecord logged) {
                said.add(new SimpleFormatter().formatMessage(logged));
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Logger logger = Logger.getLogger("org.vellum.runtime");
        logger.addHandler(handler);
        try {
            bench.store.persistPermits.drainPermits(); // the disk hangs
            store(0, 1);
            Call<Long> hanging = Bench.inAnotherThread(region::commit);
            await().until(() -> bench.store.persistsEntered.get() == 1);
            Call<Long> second = Bench.inAnotherThread(region::commit);
            OpenRegion other = bench.open("other");
            Section section = other.section();
            Call<Long> third = Bench.inAnotherThread(other::commit);
            String self = Thread.currentThread().getName();

            await().atMost(GUARD).until(() -> {
                synchronized (handler) {
                    return said.stream().anyMatch(line -> line.contains("a commit, in its store for"))
                            && said.stream()
                                    .anyMatch(line -> line.contains("has waited for")
                                            && line.contains("thread '"
                                                    + hanging.thread().getName() + "'"))
                            && said.stream()
                                    .anyMatch(line -> line.contains("region 'other'")
                                            && line.contains(third.thread().getName())
                                            && line.contains("sections of 1 thread: thread '" + self));
                }
            });
            section.close();
            bench.store.persistPermits.release(10);
            within(hanging.result());
            within(second.result());
            within(third.result());
        } finally {
            logger.removeHandler(handler);
        }
    }

    // Errors, and threads of other kinds

    /** Calls the action on a stack of every depth, down to its end. */
    private static void onEveryDepth(Runnable action) {
        try {
            action.run();
            onEveryDepth(action);
        } catch (StackOverflowError e) {
            // whoever called has more stack
        }
    }

    @Test
    void aStackThatOverflowsLeavesNothingBehind() throws InterruptedException {
        AtomicInteger opened = new AtomicInteger();
        Thread deep = new Thread(
                null,
                () -> {
                    onEveryDepth(() -> {
                        try (Section section = region.section()) {
                            opened.incrementAndGet();
                        }
                    });
                    onEveryDepth(region::rollback);
                    onEveryDepth(() -> {
                        try {
                            region.commit();
                        } catch (CommitException e) {
                            // the fake core's cut ran out of stack
                        }
                    });
                },
                "deep",
                256 << 10);
        deep.start();
        deep.join();

        assertTrue(opened.get() > 100, "sections opened: " + opened);
        within(Bench.inAnotherThread(() -> {
                    assertTrue(
                            region.status().sections().isEmpty(),
                            region.status().sections().toString());
                    store(0, 1);
                    region.section().close();
                    return region.commit();
                })
                .result());
    }

    @ParameterizedTest
    @EnumSource(
            value = Operation.class,
            names = {"COMMIT", "ROLLBACK", "ATOMICALLY"})
    void anErrorInTheMiddleLeavesNoLockBehind(Operation operation) {
        Error error = new OutOfMemoryError("tried");
        bench.observers.add((name, phase) -> {
            if (!over.get()) {
                throw error;
            }
        });
        bench.core.failing.add("regionRollback");
        try {
            operation.on(region);
        } catch (Throwable e) {
            assertInstanceOf(Throwable.class, e);
        }
        over.set(true);

        within(Bench.inAnotherThread(() -> {
                    region.section().close();
                    region.rollback();
                    return region.commit();
                })
                .result());
    }

    @Test
    void virtualThreadsOpenSectionsAndCommit() throws Exception {
        assumeTrue(Runtime.version().feature() >= 21, "virtual threads need JDK 21; this is " + Runtime.version());
        Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
        Callable<Thread> start = () -> (Thread) Class.forName("java.lang.Thread$Builder")
                .getMethod("start", Runnable.class)
                .invoke(builder, (Runnable) () -> {
                    for (int i = 0; i < 20; i++) {
                        try (Section section = region.section()) {
                            Thread.sleep(1); // unmounted inside
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                        region.commit();
                    }
                });
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 200; i++) { // many more than carriers
            threads.add(start.call());
        }
        for (Thread thread : threads) {
            thread.join(GUARD.toMillis());
            assertFalse(thread.isAlive(), region.status().toString());
        }
        assertTrue(region.status().sections().isEmpty());
    }
}
