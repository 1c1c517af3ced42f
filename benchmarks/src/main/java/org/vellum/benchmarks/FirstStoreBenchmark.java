// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.time.Duration;
import org.vellum.api.Region;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

/** One store, timed alone, by what the page has been through. Sixteen an epoch, so that commits do not dominate. */
final class FirstStoreBenchmark implements Benchmark {
    private static final int STORES_AN_EPOCH = 16;
    private static final int EPOCHS = 60;
    private static final int STORES = STORES_AN_EPOCH * EPOCHS;
    /** A block's pages at most: regions up to 1 GiB have blocks of 64 KiB, the 4 GiB of this one have 256 KiB. */
    private static final long LARGE_BLOCK_PAGES = 64;

    private static final long SMALL_BLOCK_PAGES = 16;

    @Override
    public String name() {
        return "first-store";
    }

    @Override
    public String question() {
        return "What does the first store to a page in an epoch cost?";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        Table table = new Table("strategy", "the page before", "first store, µs", "next store to it, µs");
        for (String strategy : workbench.strategies()) {
            try (TemporaryRegion temporary = workbench.create(256 * Workbench.MIB, 0, strategy)) {
                Region region = temporary.region();
                long[] blockStarts = Epochs.spreadPages(
                        region.size() / RegionMemory.PAGE,
                        (int) (region.size() / RegionMemory.PAGE / SMALL_BLOCK_PAGES),
                        1);
                // a quarter of the blocks warms up the code, so that what is timed is the store
                Epochs.Pattern blocks = Epochs.eachOnce(blockStarts, 2);
                measure(region, blocks, 30);
                row(table, strategy, "in a cold block of 64 KiB", measure(region, blocks, EPOCHS));

                long[] neighbours = new long[STORES];
                blocks = Epochs.eachOnce(blockStarts, 2);
                blocks.choose(neighbours);
                for (int i = 0; i < neighbours.length; i++) {
                    neighbours[i] ^= 1;
                }
                row(
                        table,
                        strategy,
                        "never stored to, in a warm block",
                        measure(region, Epochs.eachOnce(neighbours, 3), EPOCHS));
                row(
                        table,
                        strategy,
                        "stored to before, random",
                        measure(region, Epochs.randomOf(neighbours, 4), EPOCHS));
                new Epochs(region, 1, Epochs.sequentialOf(1)).touch(Epochs.allPages(STORES));
                row(
                        table,
                        strategy,
                        "stored to before, neighbouring",
                        measure(region, Epochs.sequentialOf(STORES), EPOCHS));
            }
            try (TemporaryRegion temporary = workbench.create(4 * Workbench.GIB, 0, strategy)) {
                Region region = temporary.region();
                long[] blockStarts = Epochs.spreadPages(
                        region.size() / RegionMemory.PAGE,
                        (int) (region.size() / RegionMemory.PAGE / LARGE_BLOCK_PAGES),
                        1);
                row(
                        table,
                        strategy,
                        "in a cold block of 256 KiB",
                        measure(region, Epochs.eachOnce(blockStarts, 2), EPOCHS));
            }
        }
        report.table(table);
    }

    private static void row(Table table, String strategy, String before, Trials.Result result) {
        table.row(strategy, before, result.microseconds(0, 0), result.microseconds(0, 1));
    }

    /** Rounds of one store each, timed, and a second one to the same line; a commit after every sixteen. */
    private static Trials.Result measure(Region region, Epochs.Pattern pattern, int epochs) {
        RegionMemory memory = new RegionMemory(region);
        long[] pages = new long[STORES_AN_EPOCH];
        int[] used = {STORES_AN_EPOCH};
        return new Trials(0, epochs * STORES_AN_EPOCH, Duration.ofMinutes(1)).run(() -> {
            if (used[0] == pages.length) {
                region.commit();
                pattern.choose(pages);
                used[0] = 0;
            }
            long offset = pages[used[0]++] * RegionMemory.PAGE;
            long value = memory.getLong(offset) + 1;
            long started = System.nanoTime();
            memory.putLong(offset, value);
            long stored = System.nanoTime();
            memory.putLong(offset + Long.BYTES, value);
            return new long[] {stored - started, System.nanoTime() - stored};
        });
    }
}
