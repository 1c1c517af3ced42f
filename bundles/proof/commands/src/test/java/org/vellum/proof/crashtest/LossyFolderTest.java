// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.framework.Distribution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** With a program in the place of the file system's, which answers without mounting anything; that one has tests in C. */
class LossyFolderTest {
    @TempDir
    Path folder;

    private final Path tool = Distribution.running().home().resolve("tools").resolve("vellum_lossy_fs");

    @BeforeEach
    void noProgram() throws Exception {
        Files.createDirectories(tool.getParent());
        Files.deleteIfExists(tool);
    }

    @AfterEach
    void removeProgram() throws Exception {
        Files.deleteIfExists(tool);
    }

    private LossyFolder mount(String script) throws Exception {
        Files.writeString(tool, "#!/bin/sh\n" + script);
        return LossyFolder.mount(folder.resolve("lossy"), false);
    }

    @Test
    void whereTheProgramWasNotBuiltASentenceSaysWhatToInstall() {
        String message = assertThrows(CommandFailure.class, () -> LossyFolder.mount(folder.resolve("lossy"), false))
                .getMessage();
        assertTrue(message.contains("install libfuse3-dev and fuse3"), message);
    }

    @Test
    void whereNothingCanBeMountedASentenceSaysWhatItTakes() {
        String message =
                assertThrows(CommandFailure.class, () -> mount("exit 1")).getMessage();
        assertTrue(message.contains("/dev/fuse") && message.contains("fusermount3"), message);
    }

    @Test
    void aCutSaysHowMuchWasLostAndKept() throws Exception {
        String script = "echo ready; read line; echo \"$line\" >" + folder.resolve("asked") + "; echo"
                + " cut sectors-lost=1 sectors-kept=10 sizes-lost=2 sizes-kept=20 names-lost=3 names-kept=30; read line";
        try (LossyFolder lossy = mount(script)) {
            assertEquals(new LossyFolder.Losses(6, 60), lossy.cut(-1));
        }
        assertEquals("cut 18446744073709551615\n", Files.readString(folder.resolve("asked")));
    }

    @Test
    void aCutThatCannotBeMadeIsNoLoss() throws Exception {
        try (LossyFolder lossy = mount("echo ready; read line; echo error it is busy; read line")) {
            String message =
                    assertThrows(CommandFailure.class, () -> lossy.cut(1)).getMessage();
            assertTrue(message.endsWith("it is busy"), message);
        }
    }

    @Test
    void aProgramThatHasEndedIsNamedWithItsFolder() throws Exception {
        try (LossyFolder lossy = mount("echo ready")) {
            String message =
                    assertThrows(CommandFailure.class, () -> lossy.cut(1)).getMessage();
            assertTrue(message.contains(folder.resolve("lossy") + " has ended"), message);
        }
    }
}
