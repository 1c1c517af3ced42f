// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.time.Duration;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

final class TrialsTest {
    @Test
    void alternativesTakeTurnsAndEachRoundBeginsWithTheNext() {
        StringBuilder order = new StringBuilder();
        new Trials(1, 3, Duration.ofMinutes(1))
                .run(() -> order.append('|'), record(order, 'A'), record(order, 'B'), record(order, 'C'));
        assertEquals("ABC|ABCBCACAB", order.toString());
    }

    @Test
    void samplesOfOneRoundStandAtTheSameIndex() {
        long[] clock = {0};
        Trials.Result result = new Trials(0, 4, Duration.ofMinutes(1))
                .run(() -> new long[] {++clock[0]}, () -> new long[] {++clock[0], -1});
        // rounds: A=1 B=2, B=3 A=4, A=5 B=6, B=7 A=8
        assertArrayEquals(new long[] {1, 4, 5, 8}, result.part(0, 0));
        assertArrayEquals(new long[] {2, 3, 6, 7}, result.part(1, 0));
        assertArrayEquals(new long[] {-1, -1, -1, -1}, result.part(1, 1));
    }

    @Test
    void withoutTimeLeftTheFewestRoundsThatSaySomethingAreRun() {
        Trials.Result result = new Trials(1000, 1000, Duration.ZERO).run(() -> new long[] {1});
        assertEquals(10, result.rounds());
    }

    private static Trials.Trial record(StringBuilder order, char name) {
        return () -> {
            order.append(name);
            return new long[] {0};
        };
    }
}
