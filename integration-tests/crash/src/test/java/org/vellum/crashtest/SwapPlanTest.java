// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.vellum.api.RegionOptions;
import org.vellum.crashtest.SwapPlan.Swap;
import org.vellum.crashtest.SwapPlan.Way;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SwapPlanTest {
    private static final int MANY = 2000;

    private static List<Swap> swaps(long seed, int count) {
        return new SwapPlan(seed).next(count);
    }

    private static Set<String> axes(Way way) {
        return swaps(1, MANY).stream()
                .filter(swap -> swap.way() == way)
                .map(Swap::axis)
                .collect(Collectors.toSet());
    }

    @Test
    void theSeedDecidesAllSwaps() {
        assertEquals(swaps(5, MANY), swaps(5, MANY));
        assertNotEquals(swaps(5, MANY), swaps(6, MANY));
    }

    @Test
    void everyWayIsTakenAboutAsOftenAsPlanned() {
        for (Way way : Way.values()) {
            long taken =
                    swaps(1, MANY).stream().filter(swap -> swap.way() == way).count();
            assertTrue(taken > MANY / 20, way + ": " + taken);
        }
        assertEquals(
                EnumSet.allOf(Way.class),
                EnumSet.copyOf(swaps(2, 100).stream().map(Swap::way).toList()));
    }

    @Test
    void everyAxisIsSwappedAndTheStoreByRequestOnly() {
        assertEquals(Set.copyOf(RegionOptions.AXES), axes(Way.REQUEST));
        for (Way way : List.of(Way.CONFIGURATION, Way.RESTART, Way.UPDATE, Way.REFRESH)) {
            assertEquals(Set.of("vmm", "pagetable", "strategy"), axes(way), way.toString());
        }
        assertEquals(Set.of("strategy"), axes(Way.RANKING));
    }

    @Test
    void bothRegionsAndAllProvidersHaveTheirTurn() {
        assertEquals(
                Set.of("0 0", "0 1", "0 2", "1 0", "1 1", "1 2"),
                swaps(1, MANY).stream()
                        .map(swap -> swap.region() % 2 + " " + swap.provider() % 3)
                        .collect(Collectors.toSet()));
    }
}
