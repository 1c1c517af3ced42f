// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How much must have happened for a soak to have shown anything. Two quiet processors do ten swaps a second, and a kill
 * every other second; the floor is a twentieth of that, so that a machine ten times slower meets it twice over.
 *
 * @param swaps of the whole run, at least
 * @param kills of the whole run, at least
 */
record SoakFloor(long swaps, long kills) {
    /** For runs whose length says nothing about what they do. */
    static final SoakFloor NONE = new SoakFloor(0, 0);

    private static final double SWAPS_A_SECOND = 0.5;
    private static final double KILLS_A_SECOND = 0.025;

    /**
     * @param killing for how long processes are killed
     * @param lastLife for how long the last one lives then; it swaps, and is killed once
     */
    static SoakFloor of(Duration killing, Duration lastLife) {
        return new SoakFloor(
                (long) (killing.plus(lastLife).toSeconds() * SWAPS_A_SECOND),
                1 + (long) (killing.toSeconds() * KILLS_A_SECOND));
    }

    /** What was too little, a sentence each; empty: it was enough. */
    List<String> shortfalls(long swapsDone, long killsDone, double seconds) {
        List<String> sentences = new ArrayList<>();
        require("swaps", swapsDone, swaps, seconds, sentences);
        require("kills", killsDone, kills, seconds, sentences);
        return List.copyOf(sentences);
    }

    private static void require(String what, long done, long floor, double seconds, List<String> sentences) {
        if (done < floor) {
            sentences.add(String.format(
                    Locale.ROOT,
                    "only %d %s in %.0f s, expected at least %d, which a machine ten times slower than two quiet processors does:"
                            + " what was to be tested did not happen",
                    done,
                    what,
                    seconds,
                    floor));
        }
    }
}
