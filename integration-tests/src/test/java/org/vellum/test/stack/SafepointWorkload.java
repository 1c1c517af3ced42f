// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.LongAdder;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Stack;

/**
 * The child of {@link SafepointRuleIT}: for each strategy a region with writers that store without pause and a thread that
 * commits in a loop, and one thread that forces collections. Then every store must be there.
 */
final class SafepointWorkload {
    private static final int PAGE = 4096;
    private static final int PAGES = 1024;
    private static final int WRITERS = 2;

    /** It goes on for this long, and until there was enough of everything. */
    private static final long NANOSECONDS = 2_000_000_000L;

    private static final int COMMITS = 20;
    private static final int COLLECTIONS = 5;

    private static final LongAdder COLLECTED = new LongAdder();
    private static volatile boolean stop;

    private SafepointWorkload() {}

    /** Adds to slots of its own, one a page, so that every page is shared with the other writers. */
    private static long write(Region region, int writer) {
        ByteBuffer all = region.buffer(0, (int) region.size());
        SplittableRandom random = new SplittableRandom(writer);
        long sum = 0;
        while (!stop) {
            int slot = random.nextInt(PAGES) * PAGE + writer * Long.BYTES;
            long addend = random.nextInt(1000);
            all.putLong(slot, all.getLong(slot) + addend);
            sum += addend;
        }
        return sum;
    }

    private static long commit(Region region) {
        long last = 0;
        while (!stop) {
            long epoch = region.commit();
            if (epoch < last) {
                throw new AssertionError("epoch " + epoch + " after " + last);
            }
            last = epoch;
        }
        return last;
    }

    private static void collect() {
        while (!stop) {
            System.gc();
            COLLECTED.increment();
        }
    }

    /** Whether each region had its commits, and the JVM its collections. */
    private static boolean enough(List<Region> regions) {
        return COLLECTED.sum() >= COLLECTIONS
                && regions.stream().allMatch(region -> region.status().commits() >= COMMITS);
    }

    private static void check(Region region, int writer, long expected) {
        ByteBuffer all = region.buffer(0, (int) region.size());
        long sum = 0;
        for (int page = 0; page < PAGES; page++) {
            sum += all.getLong(page * PAGE + writer * Long.BYTES);
        }
        if (sum != expected) {
            throw new AssertionError("region " + region.name() + ", writer " + writer + ": stored " + expected
                    + " in all, found " + sum);
        }
    }

    /** Arguments: the folder for the regions, then the strategies. */
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        List<String> strategies = List.of(arguments).subList(1, arguments.length);
        ExecutorService threads = Executors.newCachedThreadPool();
        try (Stack stack = Stack.start()) {
            List<Region> regions = new ArrayList<>();
            List<List<Future<Long>>> writers = new ArrayList<>();
            List<Future<Long>> committers = new ArrayList<>();
            for (String strategy : strategies) {
                Region region = stack.regions()
                        .open(
                                strategy,
                                RegionOptions.size((long) PAGES * PAGE)
                                        .withDirectory(folder)
                                        .withStrategy(strategy));
                regions.add(region);
                List<Future<Long>> ofThis = new ArrayList<>();
                for (int i = 0; i < WRITERS; i++) {
                    int writer = i;
                    ofThis.add(threads.submit(() -> write(region, writer)));
                }
                writers.add(ofThis);
                committers.add(threads.submit((Callable<Long>) () -> commit(region)));
            }
            Future<?> collector = threads.submit(SafepointWorkload::collect);
            long end = System.nanoTime() + NANOSECONDS;
            while (System.nanoTime() < end || !enough(regions)) {
                Thread.sleep(10);
            }
            stop = true;
            collector.get();

            for (int i = 0; i < regions.size(); i++) {
                Region region = regions.get(i);
                List<Long> sums = new ArrayList<>();
                for (Future<Long> writer : writers.get(i)) {
                    sums.add(writer.get());
                }
                long epoch = committers.get(i).get();
                for (int writer = 0; writer < WRITERS; writer++) {
                    check(region, writer, sums.get(writer));
                }
                region.commit();
                region.close();
                try (Region reopened = stack.regions()
                        .open(region.name(), RegionOptions.existing().withDirectory(folder))) {
                    for (int writer = 0; writer < WRITERS; writer++) {
                        check(reopened, writer, sums.get(writer));
                    }
                }
                System.out.println("progress: " + region.name() + " " + epoch + " epochs");
            }
            System.out.println("progress: " + COLLECTED + " collections");
        } finally {
            threads.shutdownNow();
        }
    }
}
