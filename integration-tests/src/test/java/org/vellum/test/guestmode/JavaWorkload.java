// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.LongAdder;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Kvm;
import org.vellum.test.tool.Stack;

/**
 * The child of {@link GuestModeJavaIT}: writers that do {@link EverydayJava}, one thread that commits and one that
 * collects garbage, on two regions, one a strategy.
 */
final class JavaWorkload {
    static final String COUNTERS = "counters: ";
    static final String PRINTED_IN_ALL = "printed in all: ";

    private static final int PAGES = 64;
    private static final int WRITERS = 4;
    /** The writing goes on this long, or until everything was done often enough. */
    private static final long NANOSECONDS = 1_500_000_000L;

    private static final int ROUNDS = 3;
    private static final int COMMITS = 20;
    private static final int COLLECTIONS = 5;

    private static final LongAdder COLLECTED = new LongAdder();
    private static volatile boolean stop;

    private JavaWorkload() {}

    private static Map<EverydayJava, Integer> write(Ledger ledger, int writer) throws Exception {
        Map<EverydayJava, Integer> done = new EnumMap<>(EverydayJava.class);
        EverydayJava[] all = EverydayJava.values();
        // each writer begins elsewhere, so that different things happen at once
        for (int step = writer * all.length / WRITERS; !stop || fewest(done) < ROUNDS; step++) {
            EverydayJava next = all[step % all.length];
            try {
                next.run(ledger);
            } catch (Exception | AssertionError e) {
                throw new AssertionError(next + " by writer " + writer + ": " + e, e);
            }
            done.merge(next, 1, Integer::sum);
        }
        return done;
    }

    private static int fewest(Map<EverydayJava, Integer> done) {
        return done.size() < EverydayJava.values().length
                ? 0
                : done.values().stream().min(Integer::compare).orElseThrow();
    }

    private static void commit(List<Region> regions) throws InterruptedException {
        while (!stop) {
            for (Region region : regions) {
                region.commit();
            }
            Thread.sleep(2);
        }
    }

    private static void collect() throws InterruptedException {
        while (!stop) {
            System.gc();
            COLLECTED.increment();
            Thread.sleep(5);
        }
    }

    /** Does not keep the JVM from its end when the main thread fails. */
    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    }

    private static boolean enough(List<Region> regions) {
        return COLLECTED.sum() >= COLLECTIONS
                && regions.stream().allMatch(region -> region.status().commits() >= COMMITS);
    }

    /** Arguments: the folder for the regions, the VMM, the strategies. */
    public static void main(String[] arguments) throws Exception {
        EverydayJava.prepare();
        Path folder = Path.of(arguments[0]);
        String vmm = arguments[1];
        ExecutorService threads = Executors.newCachedThreadPool(JavaWorkload::daemon);
        try (Stack stack = Stack.start()) {
            List<Region> regions = new ArrayList<>();
            for (String strategy : List.of(arguments).subList(2, arguments.length)) {
                regions.add(stack.regions()
                        .open(
                                strategy,
                                RegionOptions.size((long) PAGES * Ledger.PAGE)
                                        .withDirectory(folder)
                                        .withVmm(vmm)
                                        .withStrategy(strategy)));
            }
            List<Ledger> ledgers = new ArrayList<>();
            List<Future<Map<EverydayJava, Integer>>> writers = new ArrayList<>();
            for (int i = 0; i < WRITERS; i++) {
                int writer = i;
                Ledger ledger = new Ledger(regions, writer);
                ledgers.add(ledger);
                writers.add(threads.submit(() -> write(ledger, writer)));
            }
            List<Future<?>> others = List.of(
                    threads.submit(() -> {
                        commit(regions);
                        return null;
                    }),
                    threads.submit(() -> {
                        collect();
                        return null;
                    }));
            long end = System.nanoTime() + NANOSECONDS;
            while (System.nanoTime() < end || !enough(regions)) {
                Thread.sleep(10);
                if (writers.stream().anyMatch(Future::isDone)) {
                    break; // none ends by itself unless it fails; the failure shows below
                }
            }
            stop = true;

            Map<EverydayJava, Integer> done = new EnumMap<>(EverydayJava.class);
            for (Future<Map<EverydayJava, Integer>> writer : writers) {
                writer.get().forEach((what, times) -> done.merge(what, times, Integer::sum));
            }
            for (Future<?> other : others) {
                other.get();
            }
            System.out.println("progress: " + done + ", " + COLLECTED + " collections");
            System.out.println(PRINTED_IN_ALL + done.get(EverydayJava.PRINTING));
            if (vmm.equals(Kvm.NAME)) {
                try (Kvm.CounterReader counters = Kvm.CounterReader.open()) {
                    System.out.println(COUNTERS + counters.read());
                    checkGuestModeWasUsed(counters.read());
                }
            }
            checkContent(stack, folder, vmm, regions, ledgers);
        } finally {
            threads.shutdownNow();
        }
    }

    private static void checkGuestModeWasUsed(Kvm.Counters counters) {
        if (counters.vcpus() < WRITERS
                || counters.entries() < 100
                || counters.leavesForFault() == 0
                || counters.leavesForSystemCall() == 0
                || counters.storeFaults() + counters.storeFaultsInGuest() == 0
                || counters.kicks() == 0) {
            throw new AssertionError("guest mode was hardly used: " + counters);
        }
    }

    /** As it is, as it is after the commit, and as it is when reopened. */
    private static void checkContent(Stack stack, Path folder, String vmm, List<Region> regions, List<Ledger> ledgers) {
        ledgers.forEach(ledger -> ledger.check(regions));
        regions.forEach(Region::commit);
        ledgers.forEach(ledger -> ledger.check(regions));
        regions.forEach(Region::close);
        List<Region> reopened = regions.stream()
                .map(region -> stack.regions()
                        .open(
                                region.name(),
                                RegionOptions.existing().withDirectory(folder).withVmm(vmm)))
                .toList();
        ledgers.forEach(ledger -> ledger.check(reopened));
        reopened.forEach(Region::close);
    }
}
