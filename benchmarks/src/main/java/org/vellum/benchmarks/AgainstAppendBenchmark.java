// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import org.vellum.api.provider.Phase;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

/**
 * Epochs of 16 random stores against one write of as many bytes as the epoch logged and {@code fdatasync}, to files
 * beside the region's, in turns. Two yardsticks: an append to a file that grows by it, on which the bounds are judged,
 * and a write to blocks prepared as the store prepares its log, which is what the store itself has to pay at least.
 * Every page of the region is in the steady state, and the log is short enough to be trimmed several times meanwhile.
 */
final class AgainstAppendBenchmark implements Benchmark {
    private static final int STORES = 16;
    private static final int EPOCH = 0;
    private static final int APPEND = 1;
    private static final int OVERWRITE = 2;
    private static final double COMMIT_BOUND = 1.3;
    private static final double EPOCH_BOUND = 2;

    /** Parts of an epoch beyond those of {@link Epochs}. */
    private static final int CUT = 3;

    private static final int GATE = 4;
    private static final int WRITE = 5;
    private static final int PERSIST = 6;
    private static final int APPLY = 7;
    private static final int REST = 8;

    @Override
    public String name() {
        return "against-append";
    }

    @Override
    public String question() {
        return "What does an epoch cost against one append of its bytes and fdatasync? " + STORES
                + " random 8-byte stores";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        Table table = new Table("strategy", "part", "µs", "times the append", "times the overwrite");
        Table phases = new Table(
                "strategy",
                "first stores",
                "cut",
                "of it gate closed",
                "log write",
                "fdatasync",
                "apply",
                "rest of commit");
        String better = null;
        Trials.Result ofBetter = null;
        for (String strategy : workbench.strategies()) {
            Trials.Result result = measure(workbench, report, strategy);
            table.row(strategy, "append to a growing file + fdatasync", result.microseconds(APPEND, 0), "", "");
            table.row(strategy, "overwrite of prepared blocks + fdatasync", result.microseconds(OVERWRITE, 0), "", "");
            for (int part : new int[] {Epochs.COMMIT, Epochs.WHOLE}) {
                table.row(
                        strategy,
                        partName(part),
                        result.microseconds(EPOCH, part),
                        ratio(result, part, APPEND),
                        ratio(result, part, OVERWRITE));
            }
            phases.row(
                    strategy,
                    median(result, Epochs.STORES),
                    median(result, CUT),
                    median(result, GATE),
                    median(result, WRITE),
                    median(result, PERSIST),
                    median(result, APPLY),
                    median(result, REST));
            if (ofBetter == null || ofBounds(result) < ofBounds(ofBetter)) {
                better = strategy;
                ofBetter = result;
            }
        }
        report.table(table);
        report.note("ratios are taken round by round. Phases of the epoch, medians in µs:");
        report.table(phases);
        for (int part : new int[] {Epochs.COMMIT, Epochs.WHOLE}) {
            String what = better + " (the better strategy), " + partName(part) + " against ";
            report.mustHold(
                    what + "append + fdatasync",
                    ratio(ofBetter, part, APPEND).median(),
                    bound(part),
                    "times as long (median of pairs)");
            report.wouldHold(
                    what + "overwrite of prepared blocks + fdatasync",
                    ratio(ofBetter, part, OVERWRITE).median(),
                    bound(part),
                    "times as long (median of pairs)");
        }
    }

    private static Trials.Result measure(Workbench workbench, Report report, String strategy) {
        PhaseClock clock = new PhaseClock();
        workbench.observe(clock);
        long size = workbench.selection().size();
        try (TemporaryRegion temporary = workbench.create(size, Workbench.SHORT_LOG, strategy)) {
            long[] allPages = Epochs.allPages(size / RegionMemory.PAGE);
            Epochs epochs = new Epochs(temporary.region(), STORES, Epochs.randomOf(allPages, 1));
            epochs.settle(allPages, Workbench.SHORT_LOG);
            int logged = Math.toIntExact(loggedByOne(epochs, temporary));
            try (YardstickFile append = YardstickFile.growing(workbench.newPath(), logged, Workbench.SHORT_LOG);
                    YardstickFile overwrite = YardstickFile.prepared(
                            workbench.newLogFile(Workbench.SHORT_LOG), logged, Workbench.SHORT_LOG)) {
                long[] trimsBefore = {0};
                Trials.Result result = new Trials(1000, 12_000, workbench.budget())
                        .run(
                                () -> trimsBefore[0] = clock.trims(),
                                () -> withPhases(epochs, clock, temporary),
                                append,
                                overwrite);
                report.note(strategy + ": " + logged + " bytes an epoch, " + result.rounds() + " rounds, "
                        + (clock.trims() - trimsBefore[0]) + " log trims meanwhile");
                return result;
            }
        } finally {
            workbench.ignore(clock);
        }
    }

    /** The whole epoch, then where its time went. */
    private static long[] withPhases(Epochs epochs, PhaseClock clock, TemporaryRegion temporary) {
        clock.reset();
        long[] epoch = epochs.run();
        long cut = clock.nanoseconds(Phase.CUT);
        long write = clock.nanoseconds(Phase.APPEND);
        long persist = clock.nanoseconds(Phase.PERSIST);
        long apply = clock.nanoseconds(Phase.HOME_UPDATE);
        return new long[] {
            epoch[Epochs.STORES],
            epoch[Epochs.COMMIT],
            epoch[Epochs.WHOLE],
            cut,
            temporary.region().status().lastGateNanoseconds(),
            write,
            persist,
            apply,
            epoch[Epochs.COMMIT] - cut - write - persist - apply
        };
    }

    private static long loggedByOne(Epochs epochs, TemporaryRegion temporary) {
        long before = temporary.region().status().loggedBytes();
        epochs.run();
        return temporary.region().status().loggedBytes() - before;
    }

    private static Distribution ratio(Trials.Result result, int part, int yardstick) {
        return Distribution.ofRatios(result.part(EPOCH, part), result.part(yardstick, 0));
    }

    /** How much of its bounds a strategy uses up: more than 1 when one of them does not hold. */
    private static double ofBounds(Trials.Result result) {
        return Math.max(
                ratio(result, Epochs.COMMIT, APPEND).median() / COMMIT_BOUND,
                ratio(result, Epochs.WHOLE, APPEND).median() / EPOCH_BOUND);
    }

    private static double bound(int part) {
        return part == Epochs.COMMIT ? COMMIT_BOUND : EPOCH_BOUND;
    }

    private static String partName(int part) {
        return part == Epochs.COMMIT ? "commit()" : "whole epoch";
    }

    private static double median(Trials.Result result, int part) {
        return result.microseconds(EPOCH, part).median();
    }
}
