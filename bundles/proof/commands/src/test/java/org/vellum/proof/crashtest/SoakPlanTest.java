// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.util.List;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.vellum.proof.crashtest.SoakPlan.Life;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SoakPlanTest {
    private static final int LIVES = 300;

    private static List<Life> lives(SoakPlan plan) {
        return IntStream.rangeClosed(1, LIVES).mapToObj(plan::life).toList();
    }

    private static SoakPlan plan(long seed) {
        return new SoakPlan(seed, OptionalLong.empty());
    }

    @Test
    void theSeedDecidesEveryLife() {
        assertEquals(lives(plan(5)), lives(plan(5)));
        List<Life> others = lives(plan(6));
        assertNotEquals(lives(plan(5)), others);
        assertEquals(LIVES, others.stream().mapToLong(Life::seed).distinct().count());
    }

    @Test
    void aLifesSeedRepeatsItsSwapsAndItsEnd() {
        Life life = plan(5).life(17);
        for (Life again : List.of(new SoakPlan(6, OptionalLong.of(life.seed())).life(1), plan(5).life(17))) {
            assertEquals(life.seed(), again.seed());
            assertEquals(life.swaps(), again.swaps());
            assertEquals(life.delayNanoseconds(), again.delayNanoseconds());
        }
    }

    @Test
    void someAreKilledWhileTheyOpenAndMostAmongSwaps() {
        List<Life> lives = lives(plan(5));
        long opening = lives.stream().filter(life -> life.swaps() == 0).count();
        assertTrue(opening > LIVES / 25 && opening < LIVES / 6, opening + " of " + LIVES);
        assertTrue(lives.stream().allMatch(life -> life.counted() || life.swaps() <= 32));
        assertEquals(
                33,
                lives.stream()
                        .filter(life -> !life.counted())
                        .mapToInt(Life::swaps)
                        .distinct()
                        .count());
    }

    @Test
    void everyFiftiethIsLongAndCountedAndSoIsTheLast() {
        for (Life life : lives(plan(5))) {
            assertEquals(life.number() % 50 == 0, life.counted());
            assertEquals(life.counted(), life.swaps() > 200);
        }
        Life last = plan(5).lastLife(7);
        assertTrue(last.counted());
        assertEquals(plan(5).life(7).seed(), last.seed());
        assertEquals(Integer.toString(Integer.MAX_VALUE), last.assignment().get("life.swaps"));
    }

    @Test
    void theAssignmentSaysAllOfIt() {
        Life life = plan(5).life(3);
        assertEquals(Long.toString(life.seed()), life.assignment().get("life.seed"));
        assertEquals(Integer.toString(life.swaps()), life.assignment().get("life.swaps"));
        assertEquals(Long.toString(life.delayNanoseconds()), life.assignment().get("life.delay"));
        assertFalse(Boolean.parseBoolean(life.assignment().get("life.counted")));
    }
}
