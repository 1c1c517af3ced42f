// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.time.Duration;
import java.util.Arrays;

/**
 * Runs alternatives in turn, in one process: what disturbs the machine for a while disturbs all. Each round begins with
 * the next one (A B C, then B C A), so that none always inherits the same other's caches and device queue.
 */
final class Trials {
    /** Fewer rounds than this say little, whatever the time budget. */
    private static final int FEWEST_ROUNDS = 10;

    /** One alternative. */
    @FunctionalInterface
    interface Trial {
        /** Does the work once and says how many nanoseconds each of its parts took; always the same number of parts. */
        long[] run();
    }

    private final int warmUpRounds;
    private final int rounds;
    private final Duration budget;

    /**
     * @param warmUpRounds run first and not recorded
     * @param rounds recorded, unless time runs out
     * @param budget when warm-up and rounds have taken this long, the rounds done so far have to do; warm-up gets at
     *     most a third of it
     */
    Trials(int warmUpRounds, int rounds, Duration budget) {
        this.warmUpRounds = warmUpRounds;
        this.rounds = rounds;
        this.budget = budget;
    }

    /** Runs the alternatives; {@code afterWarmUp} runs once between warm-up and the first recorded round. */
    Result run(Runnable afterWarmUp, Trial... trials) {
        long started = System.nanoTime();
        long warmUpEnd = started + budget.toNanos() / 3;
        long end = started + budget.toNanos();
        for (int i = 0; i < warmUpRounds && System.nanoTime() < warmUpEnd; i++) {
            for (Trial trial : trials) {
                trial.run();
            }
        }
        afterWarmUp.run();
        long[][][] recorded = new long[trials.length][rounds][];
        int done = 0;
        while (done < rounds && (done < FEWEST_ROUNDS || System.nanoTime() < end)) {
            for (int i = 0; i < trials.length; i++) {
                int turn = (done + i) % trials.length;
                recorded[turn][done] = trials[turn].run();
            }
            done++;
        }
        return new Result(recorded, done);
    }

    Result run(Trial... trials) {
        return run(() -> {}, trials);
    }

    /** Samples by trial and part, in the order of the rounds. */
    static final class Result {
        private final long[][][] recorded;
        private final int rounds;

        private Result(long[][][] recorded, int rounds) {
            this.recorded = recorded;
            this.rounds = rounds;
        }

        int rounds() {
            return rounds;
        }

        long[] part(int trial, int part) {
            return Arrays.stream(recorded[trial], 0, rounds)
                    .mapToLong(parts -> parts[part])
                    .toArray();
        }

        Distribution microseconds(int trial, int part) {
            return Distribution.ofNanoseconds(part(trial, part), 1e3);
        }
    }
}
