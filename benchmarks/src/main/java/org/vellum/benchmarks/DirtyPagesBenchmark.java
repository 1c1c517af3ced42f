// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.Arrays;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

/**
 * The same 16 dirty pages in a small and in a large region. Both are open at once and take turns; each has 8192 pages,
 * spread evenly over it, that are in the steady state.
 *
 * <p>Getting there takes some seconds, outside the time of a measurement: in 4 GiB each of these pages is in another
 * block of 256 KiB, and the first store to one reads all of its block (by pread) from the home image into the working
 * file, 2 GiB in all, and as much page cache. Then the pages are committed until a trim has written each home once.
 */
final class DirtyPagesBenchmark implements Benchmark {
    private static final long SMALL = 64 * Workbench.MIB;
    private static final long LARGE = 4 * Workbench.GIB;
    private static final int DIRTY_PAGES = 16;
    private static final int WORKING_SET = 8192;
    private static final double BOUND = 2;

    private static final int IN_SMALL = 0;
    private static final int IN_LARGE = 1;

    @Override
    public String name() {
        return "dirty-pages";
    }

    @Override
    public String question() {
        return "Does cost follow the dirty pages, not the size? 16 random dirty pages in 64 MiB and in 4 GiB";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        Table table = new Table("strategy, pages", "part", "64 MiB, µs", "4 GiB, µs", "ratio by pairs");
        for (String strategy : workbench.strategies()) {
            PhaseClock clock = new PhaseClock();
            workbench.observe(clock);
            try (TemporaryRegion small = workbench.create(SMALL, Workbench.SHORT_LOG, strategy);
                    TemporaryRegion large = workbench.create(LARGE, Workbench.SHORT_LOG, strategy)) {
                long[] smallSet = Epochs.spreadPages(SMALL / RegionMemory.PAGE, WORKING_SET, 1);
                long[] largeSet = Epochs.spreadPages(LARGE / RegionMemory.PAGE, WORKING_SET, 1);
                Epochs inSmall = new Epochs(small.region(), DIRTY_PAGES, Epochs.randomOf(smallSet, 2));
                Epochs inLarge = new Epochs(large.region(), DIRTY_PAGES, Epochs.randomOf(largeSet, 2));
                long preparing = System.nanoTime();
                inSmall.settle(smallSet, Workbench.SHORT_LOG);
                inLarge.settle(largeSet, Workbench.SHORT_LOG);
                long prepared = System.nanoTime();
                long[] trimsBefore = {0};
                // the rounds before the first recorded one warm up code and caches only
                Trials.Result visited = new Trials(1000, 8000, workbench.budget())
                        .run(() -> trimsBefore[0] = clock.trims(), inSmall, inLarge);
                long trims = clock.trims() - trimsBefore[0];
                rows(table, strategy + ", visited", visited);
                Trials.Result fresh = new Trials(
                                0,
                                WORKING_SET / DIRTY_PAGES / 2,
                                workbench.budget().dividedBy(4))
                        .run(
                                new Epochs(small.region(), DIRTY_PAGES, neighbours(smallSet)),
                                new Epochs(large.region(), DIRTY_PAGES, neighbours(largeSet)));
                rows(table, strategy + ", never visited", fresh);
                report.note(strategy + ": " + (prepared - preparing) / 1_000_000 + " ms to the steady state, "
                        + visited.rounds() + " rounds, " + trims
                        + " trims of the two logs meanwhile; " + fresh.rounds() + " rounds on pages never visited");
                for (int part : new int[] {Epochs.COMMIT, Epochs.WHOLE}) {
                    report.mustHold(
                            strategy + ", 16 dirty pages, 4 GiB against 64 MiB, " + partName(part),
                            ratio(visited, part).median(),
                            BOUND,
                            "times as long (median)");
                }
            } finally {
                workbench.ignore(clock);
            }
        }
        report.table(table);
    }

    /** Pages next to visited ones: never stored to, in blocks that are warm. */
    private static Epochs.Pattern neighbours(long[] visited) {
        return Epochs.eachOnce(Arrays.stream(visited).map(page -> page ^ 1).toArray(), 3);
    }

    private static void rows(Table table, String label, Trials.Result result) {
        for (int part : new int[] {Epochs.STORES, Epochs.COMMIT, Epochs.WHOLE}) {
            table.row(
                    label,
                    partName(part),
                    result.microseconds(IN_SMALL, part),
                    result.microseconds(IN_LARGE, part),
                    ratio(result, part));
        }
    }

    private static Distribution ratio(Trials.Result result, int part) {
        return Distribution.ofRatios(result.part(IN_LARGE, part), result.part(IN_SMALL, part));
    }

    private static String partName(int part) {
        return switch (part) {
            case Epochs.STORES -> "stores";
            case Epochs.COMMIT -> "commit";
            default -> "whole epoch";
        };
    }
}
