// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vellum.api.CommitException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.FaultyFiles;
import org.vellum.store.image.medium.FaultyFiles.Call;
import org.vellum.store.image.medium.FaultyFiles.FailedSync;
import org.vellum.store.image.medium.FaultyFiles.Kind;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * An error of the file system at every call that the store makes, in a life of creation, commits, rollbacks, trims,
 * growth of the log, close, kill, recovery. One at a time: once, twice, or from that call on. Either the region goes on
 * and nothing is lost, or it refuses with an error that says where and what to do; in both cases a crash at that
 * moment, and after the steps behind it, leaves exactly one epoch not before the last acknowledged one.
 *
 * <p>What is injected is found by a run without faults; calls are numbered, which needs the trimmer's calls to come at
 * the same place in every run: {@link Turns} sees to that.
 *
 * <p>Over 400 lines, because the life, the faults and the judgement of what is left must agree step by step.
 */
@Tag("slow")
class StoreFaultsTest {
    private static final int EDQUOT = 122;
    private static final int ENOLCK = 37;
    private static final Path FOLDER = Path.of("/faults");
    private static final ImageFiles NAMES = new ImageFiles(FOLDER.resolve("regions"), TestStore.REGION);
    /** More pages than a few epochs change, so that what one of them loses is not written again by the next. */
    private static final int PAGES = 32;

    private static final long SIZE = (long) PAGES * NativeCore.PAGE_SIZE;
    private static final long ADDRESS = 0x40_0000_0000L;
    private static final Logger STORE_LOGGER = Logger.getLogger("org.vellum.store.image");
    /** Else each call fails with one error after the other in turn, not with each that it can have. */
    private static final boolean EVERY_ERROR = Boolean.getBoolean("vellum.faults.every.error");
    /** Behind the first; more than a finite fault lasts. */
    private static final int ATTEMPTS = 2;
    /** How many steps behind the fault a crash is tried after. */
    private static final int STEPS_EXAMINED = 2;

    /** In order; a step that fails is tried again. */
    private enum Step {
        OPEN,
        RECORD_ADDRESS,
        COMMIT_SMALL,
        COMMIT_HALF_SEGMENT,
        COMMIT_LARGER_THAN_SEGMENT,
        ROLLBACK,
        CLOSE,
        KILL
    }

    private static final List<Step> LIFE = List.of(
            Step.OPEN,
            Step.RECORD_ADDRESS,
            Step.COMMIT_SMALL,
            Step.COMMIT_HALF_SEGMENT,
            Step.COMMIT_HALF_SEGMENT,
            Step.ROLLBACK,
            Step.COMMIT_SMALL,
            Step.COMMIT_HALF_SEGMENT,
            Step.COMMIT_LARGER_THAN_SEGMENT,
            Step.COMMIT_SMALL,
            Step.COMMIT_HALF_SEGMENT,
            Step.CLOSE,
            Step.OPEN,
            Step.COMMIT_SMALL,
            Step.COMMIT_LARGER_THAN_SEGMENT,
            Step.COMMIT_SMALL,
            Step.KILL,
            Step.OPEN,
            Step.COMMIT_SMALL,
            Step.COMMIT_HALF_SEGMENT,
            Step.KILL,
            Step.OPEN,
            Step.CLOSE);

    @BeforeAll
    static void quiet() {
        STORE_LOGGER.setLevel(Level.OFF); // a warning for every injected fault
    }

    @AfterAll
    static void loud() {
        STORE_LOGGER.setLevel(null);
    }

    /** When the trimmer makes its calls: all of them before the append behind the switch, or all after that commit. */
    private enum TrimOrder {
        BEFORE_THE_APPEND,
        AFTER_THE_COMMIT
    }

    /** @param times how many calls of that kind fail, from {@code at} on; the largest number: of every kind */
    private record Fault(int at, int errno, int times) {
        boolean fromThenOn() {
            return times == Integer.MAX_VALUE;
        }
    }

    /**
     * Makes two threads take turns so that every run without faults makes the same calls in the same order: a trim's
     * calls wait until the control thread lets them, or waits for the trim.
     */
    private static final class Turns implements PhaseObserver, FaultyFiles.Hook {
        private static final long PATIENCE = 20_000_000_000L;

        private final TrimOrder order;
        private final FaultyFiles.Hook faults;
        private final Thread control = Thread.currentThread();
        private Phase phase = Phase.STORE;
        private Path segment;
        private int trimsExpected;
        private int trimsLeft;
        private boolean trimsAllowed;

        Turns(TrimOrder order, FaultyFiles.Hook faults) {
            this.order = order;
            this.faults = faults;
        }

        @Override
        public synchronized void entered(String region, Phase entered) {
            if (Thread.currentThread() == control) {
                phase = entered;
            }
        }

        @Override
        public synchronized void left(String region, Phase left) {
            if (Thread.currentThread() != control) {
                trimsLeft++;
                trimsAllowed = false;
            }
        }

        synchronized void imageOpened() {
            segment = null;
            trimsExpected = trimsLeft;
        }

        /** A failed commit before may have ended in any phase. */
        synchronized void commitBegins() {
            phase = Phase.CUT;
        }

        /** Returns when the trimmer has done what the commit before asked of it. */
        synchronized void commitEnded() {
            letTrim();
        }

        private void letTrim() {
            if (trimsLeft < trimsExpected) {
                trimsAllowed = true;
                await(() -> trimsLeft >= trimsExpected);
            }
        }

        private static boolean isWaiting(Thread.State state) {
            return state == Thread.State.WAITING || state == Thread.State.TIMED_WAITING;
        }

        private void await(BooleanSupplier condition) {
            long end = System.nanoTime() + PATIENCE;
            try {
                while (!condition.getAsBoolean()) {
                    if (System.nanoTime() > end) {
                        throw new IllegalStateException(trimsLeft + " trims of " + trimsExpected + " ended, phase "
                                + phase + ", waited too long for the next");
                    }
                    wait(1); // a thread's state changes without a notification
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public synchronized void turn(Kind kind, Path path) {
            if (Thread.currentThread() != control) {
                await(() -> trimsAllowed || isWaiting(control.getState()));
            } else if (phase == Phase.APPEND && kind == Kind.WRITE && !path.equals(segment)) {
                if (segment != null) {
                    trimsExpected = trimsLeft + 1; // the log was switched, and the segment before is to be trimmed
                }
                segment = path;
                if (order == TrimOrder.BEFORE_THE_APPEND) {
                    letTrim();
                }
            }
        }

        @Override
        public int errnoOf(int index, Call call) {
            return faults.errnoOf(index, call);
        }
    }

    /** One life of a region, with at most one fault in it, and what an application knows about it. */
    private final class Life {
        private final Fault fault;
        private final TrimOrder order;
        private final boolean rollsBack;
        private final Random random;
        private final Turns turns;
        private final FailedSync failedSyncs;
        private FaultyFiles files = new FaultyFiles(FOLDER);
        private StoreImage image;
        /** Content by epoch. */
        private final List<byte[]> committed = new ArrayList<>(List.of(new byte[(int) SIZE]));
        /** Of the epoch behind those, tried and not known to be invalid; null: none. */
        private byte[] inDoubt;

        private boolean addressRecorded;
        private int filler;
        private final List<Kind> kinds = new ArrayList<>();
        private int callsOfEarlierMachines;
        private int failures;
        private Kind failedKind;
        /** The files and folders that a call failed for. */
        private final Set<Path> failed = ConcurrentHashMap.newKeySet();

        /** @param fault null: none */
        Life(Fault fault, TrimOrder order, boolean rollsBack, long seed) {
            this.fault = fault;
            this.order = order;
            this.rollsBack = rollsBack;
            random = new Random(seed);
            turns = new Turns(order, this::errnoOf);
            failedSyncs = switch (random.nextInt(3)) {
                case 0 -> FailedSync.REACHES_NOTHING;
                case 1 -> FailedSync.FIRST_REACHES_ALL;
                default -> number -> random.nextBoolean();
            };
            files.hook(turns).failedSyncs(failedSyncs);
        }

        private int errnoOf(int index, Call call) {
            int number = callsOfEarlierMachines + index;
            kinds.add(call.kind());
            if (fault == null
                    || number < fault.at
                    || failures >= fault.times
                    || !possible(call.kind()).contains(fault.errno)
                    || failures > 0 && !fault.fromThenOn() && call.kind() != failedKind) {
                return 0;
            }
            failedKind = call.kind();
            failures++;
            failed.add(call.path());
            return fault.errno;
        }

        /** @return the calls made */
        int run() {
            int examined = 0;
            try {
                for (Step step : LIFE) {
                    boolean done = perform(step);
                    for (int attempt = 0; !done && attempt < ATTEMPTS; attempt++) {
                        done = perform(step);
                    }
                    if (!failed.isEmpty() && examined < STEPS_EXAMINED) {
                        examined++;
                        examineCrashes("after " + step);
                    }
                    if (!done) {
                        assertTrue(fault != null && fault.fromThenOn(), this + ": " + step + " is refused for ever");
                        examineCrashes(step + " refused");
                        return numberOfCalls();
                    }
                }
                assertTrue(fault == null || !failed.isEmpty(), "there was no such call");
                examineCrashes("at the end");
                return numberOfCalls();
            } finally {
                abandon();
            }
        }

        /** Of all the calls made. */
        List<Kind> kinds() {
            return kinds;
        }

        private int numberOfCalls() {
            return callsOfEarlierMachines + files.calls().size();
        }

        private boolean perform(Step step) {
            switch (step) {
                case OPEN:
                    return image != null || open();
                case RECORD_ADDRESS:
                    return recordAddress();
                case COMMIT_SMALL:
                    filler++;
                    return commit(new BatchBuilder().line(filler * 5 % PAGES, 5, filler));
                case COMMIT_HALF_SEGMENT: {
                    BatchBuilder half = new BatchBuilder();
                    for (int line = 0; line < 28; line++) {
                        half.line((filler * 5 + line % 7) % PAGES, 10 + line, filler + 1);
                    }
                    filler++;
                    return commit(half);
                }
                case COMMIT_LARGER_THAN_SEGMENT:
                    filler++;
                    return commit(new BatchBuilder()
                            .page(filler * 7 % PAGES, filler)
                            .page((filler * 7 + 1) % PAGES, filler)
                            .page((filler * 7 + 9) % PAGES, filler));
                case ROLLBACK:
                    return forgetFailedBatch();
                case CLOSE:
                    image.close();
                    image = null;
                    return true;
                case KILL:
                    FaultyFiles survivor = files.afterKill();
                    callsOfEarlierMachines = numberOfCalls();
                    abandon();
                    files = survivor.hook(turns).failedSyncs(failedSyncs);
                    return true;
                default:
                    throw new AssertionError(step);
            }
        }

        private void abandon() {
            if (image != null) {
                files.hook(FaultyFiles.Hook.NONE);
                files.kill();
                image.close();
                image = null;
            }
        }

        private boolean open() {
            try {
                image = openImage(files, turns);
            } catch (RegionException e) {
                assertSaysWhatToDo(e);
                return false;
            }
            turns.imageOpened();
            long epoch = image.epoch();
            if (inDoubt != null && epoch == committed.size()) {
                committed.add(inDoubt);
            }
            inDoubt = null;
            assertEquals(committed.size() - 1, epoch);
            assertArrayEquals(committed.get((int) epoch), TestStore.content(image));
            return true;
        }

        private boolean recordAddress() {
            try {
                image.recordAddress(ADDRESS);
                addressRecorded = true;
                return true;
            } catch (RegionException e) {
                assertSaysWhatToDo(e);
                return false;
            }
        }

        private boolean commit(BatchBuilder changes) {
            byte[] next = changes.appliedTo(committed.get(committed.size() - 1));
            boolean wasInDoubt = inDoubt != null;
            turns.commitBegins();
            try (NativeMemory batch = changes.build()) {
                long epoch = image.persist(batch.address(), changes.length());
                assertEquals(committed.size(), epoch);
                image.apply(batch.address(), changes.length());
                committed.add(next);
                inDoubt = null;
                return true;
            } catch (CommitException e) {
                assertSaysWhatToDo(e);
                // Unless it says so, what failed is durably invalid.
                if (e.getSuppressed().length > 0) {
                    inDoubt = next;
                } else if (!wasInDoubt || !e.getMessage().contains("cannot be invalidated")) {
                    inDoubt = null;
                }
                return rollsBack && forgetFailedBatch(); // then its changes are gone, and that is all
            } finally {
                turns.commitEnded();
            }
        }

        private boolean forgetFailedBatch() {
            try {
                image.forgetFailedBatch();
                inDoubt = null;
                return true;
            } catch (CommitException e) {
                assertSaysWhatToDo(e);
                return false;
            }
        }

        private void assertSaysWhatToDo(RegionException e) {
            String message = e.getMessage();
            assertTrue(message.startsWith("region '" + TestStore.REGION + "': "), message);
            assertTrue(failed.stream().anyMatch(path -> message.contains(path.toString())), message);
            assertTrue(WAYS_OUT.stream().anyMatch(message::contains), message);
        }

        /** The machine loses its power now; or the process is killed, and the machine loses it behind the recovery. */
        private void examineCrashes(String when) {
            examine(files.afterPowerCut(null), when + ", power cut");
            examine(files.afterPowerCut(random), when + ", power cut that some sectors survived");
            examine(files.afterKill(), when + ", killed");
            if (inDoubt != null) {
                // Recovery may find that epoch in the cache alone: then every moment of making it durable matters.
                FaultyFiles machine = files.afterKill();
                machine.hook((index, call) -> {
                    examine(machine.afterPowerCut(null), when + ", killed, power cut before " + call);
                    examine(machine.afterPowerCut(random), when + ", killed, power cut within " + call);
                    return 0;
                });
                openImage(machine, TestStore.IGNORE).close();
            }
        }

        private void examine(FaultyFiles machine, String when) {
            try {
                StoreImage recovered = openImage(machine, TestStore.IGNORE);
                long epoch = recovered.epoch();
                byte[] content = TestStore.content(recovered);
                byte[] expected = epoch == committed.size() ? inDoubt : committed.get((int) epoch);
                assertTrue(
                        epoch >= committed.size() - 1 && expected != null,
                        "epoch " + epoch + ", acknowledged " + (committed.size() - 1));
                assertArrayEquals(expected, content, "content of epoch " + epoch);
                if (addressRecorded) {
                    assertEquals(ADDRESS, recovered.address());
                }
                // What was recovered is durable, and goes on.
                FaultyFiles again = machine.afterPowerCut(null);
                BatchBuilder changes = new BatchBuilder().line(3, 3, 77);
                assertEquals(epoch + 1, TestStore.commit(recovered, changes));
                machine.kill();
                recovered.close();
                try (StoreImage second = openImage(again, TestStore.IGNORE)) {
                    assertEquals(epoch, second.epoch());
                    assertArrayEquals(content, TestStore.content(second));
                }
                try (StoreImage third = openImage(machine.afterPowerCut(null), TestStore.IGNORE)) {
                    assertEquals(epoch + 1, third.epoch());
                    assertArrayEquals(changes.appliedTo(content), TestStore.content(third));
                }
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError(this + ", " + when, e);
            }
        }

        @Override
        public String toString() {
            return fault + ", " + order + (rollsBack ? ", rolls back" : ", tries again");
        }
    }

    private static final List<String> WAYS_OUT = Stream.of(
                    Errno.ENOSPC, EDQUOT, Errno.EROFS, Errno.EIO, Errno.ENOMEM, ENOLCK)
            .map(errno -> new FileFailure("", errno).wayOut())
            .collect(Collectors.toCollection(() -> new ArrayList<>(List.of("free space or choose a smaller size"))));

    private static StoreImage openImage(FaultyFiles files, PhaseObserver observer) {
        return Images.open(
                Cores.CORE,
                files,
                NAMES,
                new Store.Request(TestStore.REGION, NAMES.directory(), SIZE, TestStore.LOG_SIZE),
                observer);
    }

    /** The errors that a call of this kind can report. */
    private static List<Integer> possible(Kind kind) {
        return switch (kind) {
            case OPEN -> List.of(Errno.EIO, Errno.EROFS);
            case CREATE, RENAME, DELETE, CREATE_DIRECTORY, WRITE, SYNC_DATA, SYNC_DIRECTORY, ALLOCATE, MAKE_REAL ->
                List.of(Errno.EIO, Errno.ENOSPC, EDQUOT, Errno.EROFS);
            case TRUNCATE -> List.of(Errno.EIO, Errno.ENOSPC, Errno.EROFS);
            case FREE_SPACE, SIZE, READ -> List.of(Errno.EIO);
            case LOCK -> List.of(Errno.EIO, ENOLCK);
            case MAP -> List.of(Errno.ENOMEM);
        };
    }

    /** The orders share nothing, and each waits for its trimmer much of the time: they run side by side. */
    @ParameterizedTest
    @EnumSource
    @Execution(ExecutionMode.CONCURRENT)
    void everyFaultAtEveryCallLeavesOneEpochNotBeforeTheLastAcknowledged(TrimOrder order) {
        Map<Kind, Integer> figures = new EnumMap<>(Kind.class);
        int injected = 0;
        Life faultless = new Life(null, order, false, 0);
        int calls = faultless.run();
        List<Kind> kinds = faultless.kinds();
        assertEquals(calls, kinds.size());
        for (int at = 0; at < calls; at++) {
            List<Integer> errors = possible(kinds.get(at));
            for (int times : new int[] {1, 2, Integer.MAX_VALUE}) {
                for (int errno : EVERY_ERROR ? errors : List.of(errors.get((at + injected) % errors.size()))) {
                    boolean rollsBack = ((at + errno) & 1) == 0;
                    new Life(new Fault(at, errno, times), order, rollsBack, 31L * at + errno).run();
                    figures.merge(kinds.get(at), 1, Integer::sum);
                    injected++;
                }
            }
        }
        System.out.println("Store faults, trims " + order + ": " + injected + " injected " + figures);
    }
}
