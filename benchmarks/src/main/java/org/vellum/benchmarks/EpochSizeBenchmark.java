// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.function.LongFunction;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

/** Epochs of 1 to 4096 dirty pages, neighbouring and random, one 8-byte store each; all pages stored to before. */
final class EpochSizeBenchmark implements Benchmark {
    private static final int[] DIRTY_PAGES = {1, 16, 256, 4096};
    /** Pages dirtied in all, at least, for each figure. */
    private static final int PAGES_EACH = 100_000;

    private static final int MOST_ROUNDS = 2000;
    private static final int FEWEST_ROUNDS = 50;

    @Override
    public String name() {
        return "epoch-size";
    }

    @Override
    public String question() {
        return "What does an epoch of 1, 16, 256, 4096 dirty pages cost, neighbouring and random?";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        Table table = new Table("strategy", "pages", "order", "stores, µs", "commit, µs", "epoch, µs per page");
        long size = workbench.selection().size();
        for (String strategy : workbench.strategies()) {
            try (TemporaryRegion temporary = workbench.create(size, 0, strategy)) {
                long[] allPages = Epochs.allPages(size / RegionMemory.PAGE);
                new Epochs(temporary.region(), 1, Epochs.sequentialOf(1)).touch(allPages);
                for (int pages : DIRTY_PAGES) {
                    LongFunction<Epochs> epochs = random -> new Epochs(
                            temporary.region(),
                            pages,
                            random == 1 ? Epochs.randomOf(allPages, 1) : Epochs.sequentialOf(allPages.length));
                    int rounds = Math.max(FEWEST_ROUNDS, Math.min(MOST_ROUNDS, PAGES_EACH / pages));
                    Trials.Result result = new Trials(
                                    rounds / 10 + 1, rounds, workbench.budget().dividedBy(4))
                            .run(epochs.apply(0), epochs.apply(1));
                    row(table, strategy, pages, "neighbouring", result, 0);
                    row(table, strategy, pages, "random", result, 1);
                }
            }
        }
        report.table(table);
    }

    private static void row(Table table, String strategy, int pages, String order, Trials.Result result, int trial) {
        table.row(
                strategy,
                pages,
                order,
                result.microseconds(trial, Epochs.STORES),
                result.microseconds(trial, Epochs.COMMIT),
                result.microseconds(trial, Epochs.WHOLE).median() / pages);
    }
}
