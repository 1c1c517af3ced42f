package org.vellum.benchmarks;

import java.nio.ByteBuffer;
import org.vellum.api.provider.Phase;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

/**
 * Epochs of 16 random stores against the yardstick: one append of as many bytes as the epoch logged, and
 * {@code fdatasync}, to a file beside the region's, in turns. Every page of the region has been stored to before, and the
 * log is short enough to be trimmed several times meanwhile.
 */
final class AgainstAppendBenchmark implements Benchmark {
    private static final int STORES = 16;
    private static final int EPOCH = 0;
    private static final int APPEND = 1;
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
        return "What does an epoch cost against one append of its bytes and fdatasync? 16 random 8-byte stores";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        Table table = new Table("strategy", "part", "µs", "ratio to the append, by pairs");
        Table phases = new Table("strategy", "first stores", "cut", "of it gate closed", "log write", "fdatasync",
                "apply", "rest of commit");
        double bestCommit = Double.MAX_VALUE;
        double bestEpoch = Double.MAX_VALUE;
        for (String strategy : workbench.strategies()) {
            Trials.Result result = measure(workbench, report, strategy);
            table.row(strategy, "append + fdatasync", result.microseconds(APPEND, 0), "");
            table.row(strategy, "commit()", result.microseconds(EPOCH, Epochs.COMMIT), ratio(result, Epochs.COMMIT));
            table.row(strategy, "whole epoch", result.microseconds(EPOCH, Epochs.WHOLE), ratio(result, Epochs.WHOLE));
            phases.row(
                    strategy,
                    median(result, Epochs.STORES),
                    median(result, CUT),
                    median(result, GATE),
                    median(result, WRITE),
                    median(result, PERSIST),
                    median(result, APPLY),
                    median(result, REST));
            bestCommit = Math.min(bestCommit, ratio(result, Epochs.COMMIT).median());
            bestEpoch = Math.min(bestEpoch, ratio(result, Epochs.WHOLE).median());
        }
        report.table(table);
        report.note("phases of the epoch, medians in µs:");
        report.table(phases);
        report.mustHold("commit() against append + fdatasync, better strategy", bestCommit, COMMIT_BOUND,
                "times as long (median of pairs)");
        report.mustHold("whole epoch against append + fdatasync, better strategy", bestEpoch, EPOCH_BOUND,
                "times as long (median of pairs)");
    }

    private static Trials.Result measure(Workbench workbench, Report report, String strategy) {
        PhaseClock clock = new PhaseClock();
        workbench.observe(clock);
        long size = workbench.selection().size();
        try (TemporaryRegion temporary = workbench.create(size, Workbench.SHORT_LOG, strategy);
                AppendFile file = new AppendFile(workbench.newPath(), Workbench.SHORT_LOG)) {
            long[] allPages = Epochs.allPages(size / RegionMemory.PAGE);
            Epochs epochs = new Epochs(temporary.region(), STORES, Epochs.randomOf(allPages, 1));
            epochs.touch(allPages);
            ByteBuffer batch = ByteBuffer.allocateDirect(Math.toIntExact(loggedByOne(epochs, temporary)));
            long[] trimsBefore = {0};
            Trials.Result result = new Trials(2000, 12_000, workbench.budget()).run(
                    () -> trimsBefore[0] = clock.trims(),
                    () -> withPhases(epochs, clock, temporary),
                    () -> {
                        // zeros would be as good to the device, but not to one that compresses
                        batch.putLong(0, System.nanoTime());
                        long started = System.nanoTime();
                        file.append(batch);
                        return new long[] {System.nanoTime() - started};
                    });
            report.note(strategy + ": " + batch.capacity() + " bytes an epoch, " + result.rounds() + " rounds, "
                    + (clock.trims() - trimsBefore[0]) + " log trims meanwhile");
            return result;
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

    private static Distribution ratio(Trials.Result result, int part) {
        return Distribution.ofRatios(result.part(EPOCH, part), result.part(APPEND, 0));
    }

    private static double median(Trials.Result result, int part) {
        return result.microseconds(EPOCH, part).median();
    }
}
