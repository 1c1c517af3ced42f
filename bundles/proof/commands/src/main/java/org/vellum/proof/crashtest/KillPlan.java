// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.vellum.api.provider.Phase;

/**
 * Decides how each process of a run dies: a shuffled deck, dealt again and again, with one card for each phase and two
 * for a moment chosen by chance. The seed decides all of it; only when a run nears its end and some phase was never hit
 * do such phases take the place of the card dealt.
 */
final class KillPlan {
    private static final int CARDS_WITHOUT_AIM = 2;
    private static final int LATEST_ENTRY = 30;
    private static final int LATEST_TRIM = 3;
    private static final double ON_ENTRY = 0.15;
    /** Such a kill cannot come too late for its phase. */
    private static final double ON_ENTRY_WHEN_URGENT = 0.5;
    /** Some kills aimed at a phase come just after it. */
    private static final double LONGEST_FRACTION = 1.1;

    private static final long LONGEST_DELAY_NANOSECONDS = 250_000_000;

    private final Random random;
    private final Deque<Optional<Phase>> deck = new ArrayDeque<>();

    KillPlan(long seed) {
        random = new Random(seed);
    }

    /** Kills that deal the deck twice: one chance for each phase, and another. */
    static int fewestKills() {
        return 2 * (Phase.values().length + CARDS_WITHOUT_AIM);
    }

    /**
     * @param phase where the process kills itself; empty: it is killed from outside
     * @param entry the how manieth entry into the phase, from 1
     * @param fraction how much of the phase's typical duration passes before
     * @param delayNanoseconds when it is killed from outside, counted from its start of work
     */
    record Kill(Optional<Phase> phase, int entry, double fraction, long delayNanoseconds) {
        /** As the application takes it. */
        Map<String, String> assignment() {
            return phase.map(name -> Map.of(
                            "kill.phase", name.name(),
                            "kill.entry", Integer.toString(entry),
                            "kill.fraction", Double.toString(fraction)))
                    .orElse(Map.of());
        }

        @Override
        public String toString() {
            return phase.map(name -> "in " + name + ", entry " + entry).orElse("at a random moment");
        }
    }

    /**
     * @param existing the phases that there are; a card with another one becomes one for a moment chosen by chance
     * @param urgent phases never hit though the run is about to end
     */
    Kill next(Set<Phase> existing, Set<Phase> urgent) {
        if (deck.isEmpty()) {
            List<Optional<Phase>> cards = new ArrayList<>();
            for (Phase phase : Phase.values()) {
                cards.add(Optional.of(phase));
            }
            cards.addAll(Collections.nCopies(CARDS_WITHOUT_AIM, Optional.empty()));
            Collections.shuffle(cards, random);
            deck.addAll(cards);
        }
        Optional<Phase> card = deck.removeFirst().filter(existing::contains);
        Optional<Phase> phase = urgent.isEmpty() ? card : urgent.stream().findFirst();
        // always the same draws, so that an urgent phase does not shift the rest of the plan
        double entryDraw = random.nextDouble();
        double onEntryDraw = random.nextDouble();
        double fractionDraw = random.nextDouble();
        long delay = (long) (random.nextDouble() * LONGEST_DELAY_NANOSECONDS);
        int latest = phase.map(KillPlan::latestEntry).orElse(1);
        return new Kill(
                phase,
                1 + (int) (entryDraw * latest),
                onEntryDraw < (urgent.isEmpty() ? ON_ENTRY : ON_ENTRY_WHEN_URGENT)
                        ? 0
                        : fractionDraw * LONGEST_FRACTION,
                delay);
    }

    private static int latestEntry(Phase phase) {
        return switch (phase) {
            case RECOVERY -> 1;
            case TRIM -> LATEST_TRIM;
            default -> LATEST_ENTRY;
        };
    }
}
