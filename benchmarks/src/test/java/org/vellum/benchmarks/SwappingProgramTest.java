// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.benchmarks.SwappingProgram.Direction;
import org.vellum.benchmarks.SwappingProgram.Output;
import org.vellum.benchmarks.SwappingProgram.Pages;
import org.vellum.benchmarks.SwappingProgram.Swaps;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SwappingProgramTest {
    private static final String FIRST = "host/write-protect";

    @Test
    void samplesAreFoundByDirection() {
        Output output = Output.parse(List.of(
                "unavailable\tkvm/dirty-bit\tthere is no /dev/kvm",
                "sample\ta\tb\t100\t50\t1",
                "sample\tb\ta\t300\t70\t2",
                "sample\ta\tb\t200\t60\t3"));
        assertEquals(Map.of("kvm/dirty-bit", "there is no /dev/kvm"), output.unavailable());
        assertArrayEquals(
                new long[] {100, 200},
                output.swaps().get(new Direction("a", "b")).gates());
        assertArrayEquals(
                new long[] {50, 60}, output.swaps().get(new Direction("a", "b")).pauses());
        assertArrayEquals(
                new long[] {1, 3}, output.swaps().get(new Direction("a", "b")).waits());
        assertArrayEquals(
                new long[] {70}, output.swaps().get(new Direction("b", "a")).pauses());
    }

    @Test
    void aLineThatIsNoneOfItsIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> Output.parse(List.of("something else")));
    }

    @Test
    void theProgramRunsFromItsResourcesAndMeasuresBothWays(@TempDir Path folder) {
        String second = "host/dirty-bit";
        Output output = new SwappingProgram(folder).run(64 * Workbench.MIB, 16, Pages.TOGETHER, 0, FIRST, second);
        if (output.unavailable().isEmpty()) {
            for (Direction direction : List.of(new Direction(FIRST, second), new Direction(second, FIRST))) {
                Swaps swaps = output.swaps().get(direction);
                assertEquals(10, swaps.gates().length);
                assertTrue(Arrays.stream(swaps.gates()).allMatch(time -> time > 0));
                assertTrue(Arrays.stream(swaps.pauses()).allMatch(time -> time > 0));
            }
        } else {
            assertEquals(Map.of(), output.swaps());
        }
    }
}
