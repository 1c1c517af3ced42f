// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.vellum.api.RegionActivity.Commit;
import org.vellum.api.RegionActivity.Heat;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class ActivityTest {
    private static Commit commit(long epoch, long microseconds) {
        return new Commit(Instant.EPOCH, epoch, microseconds * 1000, 1, 64);
    }

    @Test
    void cellsSayWhenTheyWereLastWritten() {
        Activity activity = new Activity(10, 4);
        activity.wrote(0, 5);
        activity.wrote(9, 5);
        activity.committed(commit(5, 1));
        activity.wrote(9, 6);
        activity.committed(commit(6, 1));
        Heat heat = activity.heat(4);
        assertEquals(3, heat.pagesPerCell());
        assertArrayEquals(new long[] {5, 0, 0, 6}, heat.lastWritten());
        assertEquals(1, heat.age(0));
        assertEquals(-1, heat.age(1));
        assertEquals(0, heat.age(3));
    }

    @Test
    void anEpochThatIsNotDurableIsNotShown() {
        Activity activity = new Activity(10, 4);
        activity.wrote(3, 5);
        assertEquals(4, activity.heat(1).lastWritten()[0]);
        assertEquals(4, activity.heat(1).epoch());
    }

    @Test
    void largeRegionsAreNotedByBlocks() {
        long pages = 3L << 28; // 3 TiB
        Activity activity = new Activity(pages, 0);
        activity.wrote(pages - 1, 1);
        activity.committed(commit(1, 1));
        Heat heat = activity.heat(100);
        assertEquals(1, heat.lastWritten()[heat.lastWritten().length - 1]);
        assertEquals(0, heat.lastWritten()[0]);
        assertEquals(
                true, heat.lastWritten().length <= 100 && heat.pagesPerCell() * heat.lastWritten().length >= pages);
    }

    @Test
    void latenciesAreCountedByPowersOfTwoOfMicroseconds() {
        Activity activity = new Activity(1, 0);
        for (long microseconds : new long[] {0, 1, 2, 3, 4, 1023, 1024}) {
            activity.committed(commit(1, microseconds));
        }
        long[] latencies = activity.latencies();
        assertArrayEquals(new long[] {2, 2, 1, 0}, java.util.Arrays.copyOf(latencies, 4));
        assertEquals(1, latencies[9]);
        assertEquals(1, latencies[10]);
    }

    @Test
    void onlyTheLatestCommitsAreKept() {
        Activity activity = new Activity(1, 0);
        for (int epoch = 1; epoch <= 600; epoch++) {
            activity.committed(commit(epoch, 1));
        }
        assertEquals(512, activity.commits().size());
        assertEquals(89, activity.commits().get(0).epoch());
    }

    @Test
    void noCellsIsNoMap() {
        assertThrows(IllegalArgumentException.class, () -> new Activity(1, 0).heat(0));
    }
}
