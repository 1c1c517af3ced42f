// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.time.Duration;

/**
 * How much is enumerated.
 *
 * @param seed decides what is sampled; the same seed, subject and limits give the same images
 * @param units up to so many units (lines, sectors, sizes, names) on their way, each subset of them is an image; beyond
 *     that, subsets are sampled
 * @param samples how many subsets are drawn for a cut beyond that, and how many with intermediate versions
 * @param tears how many images with one torn line there are for a cut; if more are possible, they are drawn
 * @param depth how often a recovery is itself crashed: 0 never, 1 at every event of it, 2 also those of its recovery
 * @param nestedEvery of how many images one has its recovery crashed; 1: all
 * @param killEvery at every how many events the process is killed and the recovery that follows crashed, with what was on
 *     its way then still on its way; 0: never
 * @param time to end early after, with what was done until then; null: never
 * @param violations to end after
 */
public record Limits(
        long seed,
        int units,
        int samples,
        int tears,
        int depth,
        int nestedEvery,
        int killEvery,
        Duration time,
        int violations) {
    /** Every subset of up to 12 units. */
    public static final Limits DEFAULT = new Limits(1, 12, 48, 48, 1, 8, 4, null, 10);

    public Limits {
        if (units < 1
                || units > 20
                || samples < 0
                || tears < 0
                || depth < 0
                || nestedEvery < 1
                || killEvery < 0
                || violations < 1) {
            throw new IllegalArgumentException("limits out of range: units " + units + " (1 to 20), samples " + samples
                    + ", tears " + tears + ", depth " + depth + ", nestedEvery " + nestedEvery + ", killEvery "
                    + killEvery + ", violations " + violations);
        }
    }

    public Limits withSeed(long value) {
        return new Limits(value, units, samples, tears, depth, nestedEvery, killEvery, time, violations);
    }

    /** @see #units */
    public Limits withSubsets(int newUnits, int newSamples, int newTears) {
        return new Limits(seed, newUnits, newSamples, newTears, depth, nestedEvery, killEvery, time, violations);
    }

    /** @see #depth */
    public Limits withNested(int newDepth, int newNestedEvery, int newKillEvery) {
        return new Limits(seed, units, samples, tears, newDepth, newNestedEvery, newKillEvery, time, violations);
    }

    public Limits withTime(Duration value) {
        return new Limits(seed, units, samples, tears, depth, nestedEvery, killEvery, value, violations);
    }

    public Limits withViolations(int value) {
        return new Limits(seed, units, samples, tears, depth, nestedEvery, killEvery, time, value);
    }

    /** Within a recovery: the cuts are all there, with fewer subsets each. */
    Limits nested() {
        return new Limits(
                seed,
                Math.min(units, 4),
                Math.min(samples, 4),
                Math.min(tears, 4),
                depth,
                nestedEvery,
                killEvery,
                time,
                violations);
    }
}
