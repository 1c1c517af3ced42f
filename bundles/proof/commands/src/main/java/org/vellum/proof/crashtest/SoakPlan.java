// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;

/** What becomes of each process of a soak. The run's seed decides the lives' seeds, a life's seed all that it does. */
final class SoakPlan {
    /** One in so many lives is long, and is counted. */
    private static final int COUNTED_EVERY = 50;
    /** Enough that what leaks once in a swap, or once in an update of a bundle, exceeds what a JVM grows by itself. */
    private static final int SWAPS_OF_A_COUNTED_LIFE = 200;

    private static final int MOST_SWAPS = 32;
    /** These are killed while they open what their predecessor left, or check it. */
    private static final double BEFORE_THE_FIRST_SWAP = 0.08;

    private static final long LONGEST_OPENING_NANOSECONDS = 300_000_000;
    /** From one swap to the next but one; most delays are short, since most swaps are. */
    private static final long LONGEST_DELAY_NANOSECONDS = 80_000_000;

    private static final int NEVER = Integer.MAX_VALUE;
    private static final long SEEDS = 1L << 32;

    private final long seed;
    private final OptionalLong always;

    /** @param always the seed of every life; empty: each has its own */
    SoakPlan(long seed, OptionalLong always) {
        this.seed = seed;
        this.always = always;
    }

    /**
     * One process.
     *
     * @param seed of its swaps
     * @param swaps with which of them it kills itself, from 1; 0: before the first
     * @param delayNanoseconds how long after that
     * @param counted whether it counts what it holds
     */
    record Life(int number, long seed, int swaps, long delayNanoseconds, boolean counted) {
        /** As the application takes it. */
        Map<String, String> assignment() {
            return Map.of(
                    "life.seed", Long.toString(seed),
                    "life.swaps", Integer.toString(swaps),
                    "life.delay", Long.toString(delayNanoseconds),
                    "life.counted", Boolean.toString(counted));
        }

        @Override
        public String toString() {
            return "life " + number + " (--life " + seed + ")";
        }
    }

    /** @param number from 1 */
    Life life(int number) {
        SplittableRandom random = new SplittableRandom(seedOf(number));
        double opening = random.nextDouble();
        int swaps = 1 + random.nextInt(MOST_SWAPS);
        double delay = random.nextDouble();
        boolean counted = number % COUNTED_EVERY == 0;
        if (opening < BEFORE_THE_FIRST_SWAP && !counted) {
            return new Life(number, seedOf(number), 0, (long) (delay * LONGEST_OPENING_NANOSECONDS), false);
        }
        return new Life(
                number,
                seedOf(number),
                counted ? SWAPS_OF_A_COUNTED_LIFE + swaps : swaps,
                (long) (delay * delay * LONGEST_DELAY_NANOSECONDS),
                counted);
    }

    /** One that is killed from outside. */
    Life lastLife(int number) {
        return new Life(number, seedOf(number), NEVER, 0, true);
    }

    private long seedOf(int number) {
        return always.orElseGet(
                () -> new SplittableRandom(seed ^ new SplittableRandom(number).nextLong()).nextLong(SEEDS));
    }
}
