// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.vellum.api.provider.Phase;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

class KillPlanTest {
    private static final Set<Phase> ALL = EnumSet.allOf(Phase.class);

    @Test
    void theSameSeedMakesTheSamePlan() {
        assertEquals(kills(new KillPlan(5), 100), kills(new KillPlan(5), 100));
        assertNotEquals(kills(new KillPlan(5), 100), kills(new KillPlan(6), 100));
    }

    @Test
    void everyDeckAimsAtEachPhaseOnceAndTwiceAtNone() {
        KillPlan plan = new KillPlan(1);
        for (int deck = 0; deck < 10; deck++) {
            List<KillPlan.Kill> kills = kills(plan, KillPlan.fewestKills() / 2);
            for (Phase phase : Phase.values()) {
                assertEquals(
                        1,
                        kills.stream()
                                .filter(kill -> kill.phase().equals(Optional.of(phase)))
                                .count());
            }
            assertEquals(
                    2, kills.stream().filter(kill -> kill.phase().isEmpty()).count());
        }
    }

    @Test
    void anUrgentPhaseTakesTheCardsPlaceAndLeavesTheRestOfThePlan() {
        KillPlan plan = new KillPlan(5);
        KillPlan undisturbed = new KillPlan(5);
        Set<Phase> urgent = EnumSet.of(Phase.TRIM);
        assertEquals(Optional.of(Phase.TRIM), plan.next(ALL, urgent).phase());
        assertEquals(Optional.of(Phase.TRIM), plan.next(ALL, urgent).phase());
        kills(undisturbed, 2);
        assertEquals(kills(undisturbed, 50), kills(plan, 50));
    }

    @Test
    void aPhaseThatThereIsNotIsNoAim() {
        KillPlan plan = new KillPlan(5);
        KillPlan undisturbed = new KillPlan(5);
        Set<Phase> existing = EnumSet.of(Phase.STORE, Phase.CUT, Phase.RECOVERY);
        for (KillPlan.Kill kill : kills(undisturbed, 50)) {
            assertEquals(
                    kill.phase().filter(existing::contains),
                    plan.next(existing, Set.of()).phase());
        }
    }

    @Test
    void recoveryIsEnteredOnceAndStruckThen() {
        KillPlan plan = new KillPlan(9);
        for (KillPlan.Kill kill : kills(plan, 200)) {
            if (kill.phase().equals(Optional.of(Phase.RECOVERY))) {
                assertEquals(1, kill.entry());
            }
        }
    }

    private static List<KillPlan.Kill> kills(KillPlan plan, int count) {
        return IntStream.range(0, count).mapToObj(i -> plan.next(ALL, Set.of())).toList();
    }
}
