// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Kvm;
import org.vellum.test.tool.LibC;
import org.vellum.test.tool.ProcessResources;
import org.vellum.test.tool.Stack;

/**
 * The child of {@link GuestModeLeakIT}: eight threads go in and out of guest mode a thousand times, threads end and
 * others come, and what the process holds is counted before and after.
 */
final class LeakProbe {
    private static final int THREADS = 8;
    private static final int WARM_UP = 200;
    private static final int TRANSITIONS = 1000;
    private static final String MACHINE_FILE = "anon_inode:kvm";
    private static final int GENERATIONS = 5;
    private static final int PAGES = 64;

    private final Path folder;
    private final Region region;
    private final ByteBuffer content;
    private final Kvm.CounterReader counters;
    private final long[] last = new long[THREADS];
    /** The kernel's, of the threads that were the last to go in and out. */
    private final int[] ids = new int[THREADS];

    private LeakProbe(Path folder, Region region, Kvm.CounterReader counters) {
        this.folder = folder;
        this.region = region;
        this.content = region.buffer(0, (int) region.size());
        this.counters = counters;
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    /** A wait is a system call that the VMM does not forward. */
    private void goInAndOut(int thread, int times) {
        ids[thread] = LibC.INSTANCE.gettid();
        for (int i = 1; i <= times; i++) {
            int offset = (i % PAGES) * Ledger.PAGE + thread * Long.BYTES;
            last[thread]++;
            content.putLong(offset, last[thread]);
            LockSupport.parkNanos(1);
        }
    }

    private void allGoInAndOut(ExecutorService threads, int times) throws Exception {
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int thread = i;
            all.add(threads.submit(() -> goInAndOut(thread, times)));
        }
        for (Future<?> one : all) {
            one.get();
        }
    }

    private void checkContent(int times) {
        for (int thread = 0; thread < THREADS; thread++) {
            for (int i = times - PAGES + 1; i <= times; i++) {
                long found = content.getLong((i % PAGES) * Ledger.PAGE + thread * Long.BYTES);
                long expected = last[thread] - times + i;
                check(found == expected, "thread " + thread + ": " + found + " instead of " + expected);
            }
        }
    }

    private static void checkNothingMore(String when, Map<String, Long> before, Map<String, Long> after) {
        Map<String, Long> more = new TreeMap<>();
        after.forEach((kind, number) -> {
            long difference = number - before.getOrDefault(kind, 0L);
            if (difference > 0 && !kind.equals("file gone")) {
                more.put(kind, difference);
            }
        });
        check(more.isEmpty(), when + ", more is held: " + more);
    }

    private static void checkSameMachine(String when, Kvm.Counters before, Kvm.Counters after) {
        check(
                after.vcpus() == before.vcpus()
                        // ordinary memory is mapped when it is first touched, wherever the JVM puts it
                        && after.memorySlots() - after.chunks() == before.memorySlots() - before.chunks(),
                when + ": " + after + ", before: " + before);
    }

    private void run() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        allGoInAndOut(threads, WARM_UP);
        awaitNobodyInside();
        Map<String, Long> before = ProcessResources.held();
        Kvm.Counters beforeCounters = counters.read();

        allGoInAndOut(threads, TRANSITIONS);
        awaitNobodyInside();
        checkContent(TRANSITIONS);
        Kvm.Counters after = counters.read();
        long entries = after.entries() - beforeCounters.entries();
        System.out.println("progress: " + entries + " entries, " + after);
        check(entries >= (long) THREADS * TRANSITIONS, entries + " entries are fewer than the stores after a wait");
        checkNothingMore("after " + entries + " entries", before, ProcessResources.held());
        checkSameMachine("after " + entries + " entries", beforeCounters, after);
        check(kvmFiles("-vcpu") == after.vcpus(), kvmFiles("-vcpu") + " files for " + after.vcpus() + " vCPUs");

        awaitEnd(threads);
        for (int generation = 0; generation < GENERATIONS; generation++) {
            ExecutorService others = Executors.newFixedThreadPool(THREADS);
            allGoInAndOut(others, WARM_UP);
            checkContent(WARM_UP);
            awaitEnd(others);
        }
        awaitNobodyInside();
        checkNothingMore("after threads ended and others came", before, ProcessResources.held());
        checkSameMachine("after threads ended and others came", beforeCounters, counters.read());
        checkChildHoldsNoMachine();
        region.commit();
    }

    /** Java calls a thread ended a while before the kernel does. */
    private void awaitEnd(ExecutorService threads) throws InterruptedException {
        threads.shutdown();
        for (int id : ids) {
            while (Files.exists(Path.of("/proc/self/task", Integer.toString(id)))) {
                Thread.sleep(1);
            }
        }
    }

    /** The threads have been waited for, but each may be on its way out still. */
    private void awaitNobodyInside() throws InterruptedException {
        while (counters.read().inside() != 0) {
            Thread.sleep(1);
        }
    }

    /** Open files of machines. @param kind {@code -vm}, {@code -vcpu} or, for all of them, nothing */
    private static long kvmFiles(String kind) throws IOException {
        return ProcessResources.files().entrySet().stream()
                .filter(entry -> entry.getKey().startsWith("file " + MACHINE_FILE + kind))
                .mapToLong(Map.Entry::getValue)
                .sum();
    }

    /** system(3) closes nothing by itself: what the child does not hold is close-on-exec. */
    private void checkChildHoldsNoMachine() throws IOException {
        Path list = folder.resolve("files-of-the-child");
        String command = "ls -l /proc/self/fd > " + list + " 2>&1; exit 3";
        content.putLong(0, 1);
        int status = LibC.INSTANCE.system(command);
        check(status == 3 << 8, "the child ended with wait status " + status);
        String held = Files.readString(list);
        check(held.contains("files-of-the-child"), "no list of the child's files: " + held);
        check(!held.contains("/dev/kvm") && !held.contains(MACHINE_FILE), "the child holds: " + held);
        check(kvmFiles("") > 0, "this process holds no machine itself");
    }

    /** Arguments: the folder for the region, the strategy. */
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        try (Stack stack = Stack.start()) {
            RegionOptions options = RegionOptions.size((long) PAGES * Ledger.PAGE)
                    .withDirectory(folder)
                    .withVmm(Kvm.NAME)
                    .withStrategy(arguments[1]);
            Region region = stack.regions().open("leaks", options);
            try (Kvm.CounterReader counters = Kvm.CounterReader.open()) {
                new LeakProbe(folder, region, counters).run();
                region.close();
                Kvm.Counters none = counters.read();
                check(none.vcpus() == 0 && none.memorySlots() == 0, "after the last region was closed: " + none);
            }
            for (int i = 0; i < 5; i++) {
                try (Region again = stack.regions().open("leaks", options)) {
                    again.buffer(0, Long.BYTES).putLong(0, i);
                    again.commit();
                }
            }
            check(kvmFiles("") == 0, "after the last region was closed: " + ProcessResources.files());
        }
    }
}
