// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.benchmarks.TrackingProgram.Epochs;
import org.vellum.benchmarks.TrackingProgram.Output;
import org.vellum.benchmarks.TrackingProgram.Tuple;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class TrackingProgramTest {
    private static final Tuple HOST = new Tuple("host", "dirty-bit");

    @Test
    void samplesAreFoundByPagesTupleAndPart() {
        Output output = Output.parse(List.of(
                "parts\tstores\tcut\tencode",
                "unavailable\tkvm\tdirty-bit\tthere is no /dev/kvm",
                "sample\thost\tdirty-bit\t16\t100\t50\t7",
                "sample\thost\tdirty-bit\t16\t200\t60\t8",
                "sample\thost\tdirty-bit\t1\t10\t5\t1"));
        assertEquals(Map.of(new Tuple("kvm", "dirty-bit"), "there is no /dev/kvm"), output.unavailable());
        Epochs epochs = output.epochs().get(16).get(HOST);
        assertArrayEquals(new long[] {50, 60}, epochs.part("cut"));
        assertArrayEquals(new long[] {150, 260}, epochs.tracking());
        assertEquals(1, output.epochs().get(1).get(HOST).rounds());
        assertThrows(IllegalArgumentException.class, () -> epochs.part("nothing"));
    }

    @Test
    void aLineThatIsNoneOfItsIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> Output.parse(List.of("something else")));
    }

    /** The program itself fails when a cut finds another number of pages than were stored to. */
    @Test
    void theProgramRunsFromItsResourcesAndMeasuresEveryTupleThatWorksHere(@TempDir Path folder) {
        Output output = new TrackingProgram(folder).run(64 * Workbench.MIB, 0, 1, 16);
        assertEquals(Set.of(1, 16), output.epochs().keySet());
        assertTrue(output.epochs().get(16).containsKey(new Tuple("host", "write-protect")), output.toString());
        output.epochs()
                .values()
                .forEach(tuples -> tuples.forEach((tuple, epochs) -> {
                    assertTrue(epochs.rounds() >= 10, tuple + ": " + epochs.rounds() + " rounds");
                    assertTrue(Arrays.stream(epochs.part("stores")).allMatch(time -> time > 0), tuple.toString());
                    long[] cut = epochs.part("cut");
                    long[] collect = epochs.part("collect");
                    for (int round = 0; round < cut.length; round++) {
                        assertTrue(collect[round] > 0 && collect[round] < cut[round], tuple + ", round " + round);
                    }
                }));
    }
}
