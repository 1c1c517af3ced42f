// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.vellum.proof.application.ApplicationLine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SoakFiguresTest {
    private final SoakFigures figures = new SoakFigures();

    private void take(String... lines) {
        for (String line : lines) {
            assertTrue(figures.take(ApplicationLine.parse(line)), line);
        }
    }

    @Test
    void onlyStepsThatChangedATupleAreSwaps() {
        take("swapping number=1 a", "swapped way=REQUEST axis=vmm gate=50", "swapping number=2 b", "unchanged");
        take("swapping number=3 c", "refused it is written in place");
        take("swapping number=4 d", "swapped way=UPDATE axis=strategy gate=70");
        take("swapping number=5 e", "swapped way=REQUEST axis=vmm gate=60");
        assertEquals(3, figures.swaps());
        assertEquals(
                Map.of("axis vmm", 2L, "axis strategy", 1L, "way request", 2L, "way update", 1L), figures.swapsBy());
        assertEquals(1, figures.unchanged());
        assertEquals(1, figures.refused());
        assertEquals(Set.of("it is written in place"), figures.refusals());
        assertEquals(70, figures.longestGate());
    }

    @Test
    void aSwapThatWasBegunAndNotEndedWasCutShort() {
        assertFalse(figures.endedInASwap());
        for (String end : List.of("swapped way=REQUEST axis=vmm gate=1", "unchanged", "refused no")) {
            take("swapping number=1 a");
            assertTrue(figures.endedInASwap());
            take(end);
            assertFalse(figures.endedInASwap(), end);
        }
        take("swapping number=2 b");
        figures.begin();
        assertFalse(figures.endedInASwap());
    }

    @Test
    void theLastSwapsOfAProcessAreRemembered() {
        for (int number = 1; number <= 6; number++) {
            take("swapping number=" + number + " x");
        }
        assertEquals(List.of("number=3 x", "number=4 x", "number=5 x", "number=6 x"), figures.recentSwaps());
        figures.begin();
        assertEquals(List.of(), figures.recentSwaps());
    }

    @Test
    void aPercentileIsAStallThatAsManyPerCentDoNotExceed() {
        assertEquals(0, figures.stall(50));
        for (int i = 1999; i >= 0; i--) {
            take("stalled nanoseconds=" + i);
        }
        assertEquals(999, figures.stall(50));
        assertEquals(1979, figures.stall(99));
        assertEquals(1999, figures.stall(100));
    }

    @Test
    void countsAreThoseOfOneProcess() {
        String counts = Growth.names().stream().map(name -> name + "=7").collect(Collectors.joining(" "));
        take("holds swaps=25 " + counts, "holds swaps=50 " + counts);
        assertEquals(2, figures.holdings().size());
        assertEquals(Growth.names(), figures.holdings().get(0).keySet());
        figures.begin();
        assertEquals(List.of(), figures.holdings());
    }

    @Test
    void whoIsStuckIsKnownUntilTheNextProcess() {
        take("pulse waited=1 thread=x", "stuck bank 2, swapper");
        assertEquals("bank 2, swapper", figures.stuck());
        figures.begin();
        assertEquals("", figures.stuck());
    }

    @Test
    void theLongestWaitIsThatOfAnyProcess() {
        take("pulse waited=5 thread=meter", "pulse waited=7 thread=bank 2");
        figures.begin();
        take("pulse waited=6 thread=swapper");
        assertEquals(7, figures.longestWait());
        assertEquals("bank 2", figures.longestWaiting());
    }

    @Test
    void otherLinesAreNotTaken() {
        assertFalse(figures.take(ApplicationLine.parse("12:00 WARNING something")));
    }
}
