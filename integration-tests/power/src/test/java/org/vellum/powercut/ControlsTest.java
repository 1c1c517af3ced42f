// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Else a harness that sees nothing would pass. */
class ControlsTest {
    @TempDir
    private Path folder;

    @Test
    void programsAndFileSystemsThatDoNotSyncAreCaughtWithinTwentyCuts() throws Exception {
        Optional<String> obstacle = PowerCuts.obstacle();
        assumeTrue(obstacle.isEmpty(), () -> obstacle.orElse(""));
        Path output = folder.resolve("output");
        int status = new ProcessBuilder(ChildJvm.command(PowerCuts.class, List.of("controls=")))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start()
                .waitFor();
        assertEquals(PowerCuts.HELD, status, Files.readString(output));
    }
}
