// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.util.List;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;

class WatchdogTest {
    private static final long PATIENCE = Watchdog.PATIENCE_NANOSECONDS;

    private final Workers.Steps diligent = new Workers.Steps("diligent");
    private final Workers.Steps lazy = new Workers.Steps("lazy");
    private final List<Workers.Steps> both = List.of(diligent, lazy);
    private final Watchdog watchdog = new Watchdog();

    @Test
    void aThreadWithoutAStepForTooLongIsStuck() {
        // times may be negative
        long start = -PATIENCE;
        assertEquals(List.of(), watchdog.stuck(both, start));
        diligent.done();
        assertEquals(List.of(), watchdog.stuck(both, start + PATIENCE));
        assertEquals(List.of("lazy"), watchdog.stuck(both, start + PATIENCE + 1));
    }

    @Test
    void aStepInTimeStartsThePatienceAnew() {
        assertEquals(List.of(), watchdog.stuck(both, 0));
        diligent.done();
        lazy.done();
        assertEquals(List.of(), watchdog.stuck(both, PATIENCE));
        assertEquals(List.of(), watchdog.stuck(both, 2 * PATIENCE));
        assertEquals(List.of("diligent", "lazy"), watchdog.stuck(both, 2 * PATIENCE + 1));
    }

    @Test
    void theLongestWaitIsRemembered() {
        watchdog.stuck(both, 0);
        diligent.done();
        watchdog.stuck(both, 10);
        diligent.done();
        watchdog.stuck(both, 20);
        lazy.done();
        watchdog.stuck(both, 30);
        watchdog.stuck(both, 35);
        assertEquals(20, watchdog.longestWait());
        assertEquals("lazy", watchdog.longestWaiting());
    }

    @Test
    void aThreadThatStartsLaterHasItsPatienceToo() {
        watchdog.stuck(List.of(diligent), 0);
        assertEquals(List.of("diligent"), watchdog.stuck(both, 2 * PATIENCE));
        assertEquals(List.of("diligent", "lazy"), watchdog.stuck(both, 4 * PATIENCE));
    }
}
