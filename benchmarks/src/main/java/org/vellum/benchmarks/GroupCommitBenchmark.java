// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.vellum.api.Region;
import org.vellum.api.RegionStatus;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

/** One, two and four threads, each storing 8 bytes to a page of its own and committing, as fast as they can. */
final class GroupCommitBenchmark implements Benchmark {
    private static final int[] THREADS = {1, 2, 4};
    private static final int COMMITS_EACH = 100;
    private static final int ROUNDS = 30;

    @Override
    public String name() {
        return "group-commit";
    }

    @Override
    public String question() {
        return "How many commits a second do 1, 2 and 4 committing threads get?";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        Table table = new Table("strategy", "threads", "commits a second", "of which shared a persist");
        for (String strategy : workbench.strategies()) {
            ExecutorService executor = Executors.newCachedThreadPool();
            try (TemporaryRegion temporary = workbench.create(64 * Workbench.MIB, 0, strategy)) {
                Region region = temporary.region();
                long[] commits = new long[THREADS.length];
                long[] shared = new long[THREADS.length];
                Trials.Trial[] trials = new Trials.Trial[THREADS.length];
                for (int i = 0; i < THREADS.length; i++) {
                    int index = i;
                    trials[i] = () -> {
                        RegionStatus before = region.status();
                        long nanoseconds = commitAll(executor, region, THREADS[index]);
                        RegionStatus after = region.status();
                        commits[index] += after.commits() - before.commits();
                        shared[index] += after.commitsShared() - before.commitsShared();
                        return new long[] {nanoseconds};
                    };
                }
                Trials.Result result = new Trials(3, ROUNDS, workbench.budget()).run(trials);
                for (int i = 0; i < THREADS.length; i++) {
                    double[] rates = new double[result.rounds()];
                    long[] nanoseconds = result.part(i, 0);
                    for (int round = 0; round < rates.length; round++) {
                        rates[round] = 1e9 * THREADS[i] * COMMITS_EACH / nanoseconds[round];
                    }
                    table.row(
                            strategy,
                            THREADS[i],
                            Distribution.of(rates),
                            Math.round(100.0 * shared[i] / (commits[i] + shared[i])) + " %");
                }
            } finally {
                executor.shutdown();
            }
        }
        report.table(table);
    }

    /** Nanoseconds until all threads have committed their share. */
    private static long commitAll(ExecutorService executor, Region region, int threads) {
        long started = System.nanoTime();
        List<Future<?>> running = new ArrayList<>();
        for (int thread = 0; thread < threads; thread++) {
            long offset = (long) thread * RegionMemory.PAGE;
            running.add(executor.submit(() -> {
                RegionMemory memory = new RegionMemory(region);
                for (int i = 0; i < COMMITS_EACH; i++) {
                    memory.putLong(offset, memory.getLong(offset) + 1);
                    region.commit();
                }
            }));
        }
        for (Future<?> future : running) {
            try {
                future.get();
            } catch (ExecutionException e) {
                throw new IllegalStateException("a committing thread failed", e.getCause());
            } catch (InterruptedException e) {
                throw new IllegalStateException("interrupted while measuring", e);
            }
        }
        return System.nanoTime() - started;
    }
}
