// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.provider.Phase;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PhaseMarkerTest {
    @TempDir
    Path folder;

    private final List<Phase> entered = new ArrayList<>();
    private Path file;
    private PhaseMarker marker;

    @BeforeEach
    void open() throws IOException {
        file = folder.resolve("phase");
        marker = new PhaseMarker(file, entered::add);
    }

    @Test
    void theFileHoldsTheCommitPathsPhase() throws IOException {
        assertArrayEquals(new byte[] {0, 0}, firstBytes());
        for (Phase phase :
                List.of(Phase.RECOVERY, Phase.CUT, Phase.APPEND, Phase.PERSIST, Phase.HOME_UPDATE, Phase.STORE)) {
            marker.entered("r", phase);
            assertArrayEquals(new byte[] {(byte) (1 + phase.ordinal()), 0}, firstBytes());
        }
    }

    @Test
    void aTrimRunsBesideTheCommitPath() throws IOException {
        marker.entered("r", Phase.PERSIST);
        marker.entered("r", Phase.TRIM);
        assertArrayEquals(new byte[] {(byte) (1 + Phase.PERSIST.ordinal()), 1}, firstBytes());
        marker.left("r", Phase.TRIM);
        assertArrayEquals(new byte[] {(byte) (1 + Phase.PERSIST.ordinal()), 0}, firstBytes());
    }

    @Test
    void theThirdByteHasABitForEachPhaseThatThereIs() throws IOException {
        marker.passesThrough("r", EnumSet.of(Phase.STORE, Phase.CUT, Phase.RECOVERY));
        marker.entered("r", Phase.CUT);
        int bits = 1 << Phase.STORE.ordinal() | 1 << Phase.CUT.ordinal() | 1 << Phase.RECOVERY.ordinal();
        assertEquals((byte) bits, Files.readAllBytes(file)[2]);
    }

    @Test
    void theListenerHearsOfEveryEntryAfterTheFile() {
        marker.entered("r", Phase.CUT);
        marker.entered("r", Phase.TRIM);
        assertEquals(List.of(Phase.CUT, Phase.TRIM), entered);
    }

    @Test
    void durationsOutliveTheProcess() throws IOException {
        long guess = marker.typicalDuration(Phase.CUT);
        marker.entered("r", Phase.CUT);
        marker.entered("r", Phase.APPEND);
        long measured = marker.typicalDuration(Phase.CUT);
        assertTrue(measured > 0 && measured != guess, () -> guess + " " + measured);
        assertEquals(measured, new PhaseMarker(file, phase -> {}).typicalDuration(Phase.CUT));
    }

    private byte[] firstBytes() throws IOException {
        return Arrays.copyOf(Files.readAllBytes(file), 2);
    }
}
