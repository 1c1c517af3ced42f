// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionOptions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class HeatMapCommandTest {
    private final MemoryRegions regions = new MemoryRegions();
    private final HeatMapCommand command = new HeatMapCommand(regions);

    /** A map of eight pages at epoch 300. */
    private static final class Eight implements RegionActivity {
        @Override
        public List<Commit> commits() {
            return List.of();
        }

        @Override
        public long[] latencies() {
            return new long[LATENCY_CLASSES];
        }

        @Override
        public Heat heat(int cells) {
            assertEquals(1024, cells);
            return new Heat(300, 1, new long[] {300, 299, 298, 297, 290, 100, 1, 0});
        }
    }

    @Test
    void showsAgesAsCharacters() {
        regions.activity = new Eight();
        regions.open("orders", RegionOptions.size(32768));
        List<String> lines = command.heatmap("orders").lines().toList();
        assertEquals("region 'orders', epoch 300: a character is 4 KiB, a line 256 KiB", lines.get(0));
        assertEquals("               0x0 |#O**o:. |", lines.get(1));
        assertEquals(3, lines.size());
    }

    @Test
    void namesARegionThatIsNotOpen() {
        assertEquals(
                "no region 'absent' is open (vellum:regions lists them)",
                assertThrows(ShellFailure.class, () -> command.heatmap("absent"))
                        .getMessage());
    }
}
