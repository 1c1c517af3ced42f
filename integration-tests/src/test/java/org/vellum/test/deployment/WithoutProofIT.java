// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.deployment;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Jdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The distribution without the jar of the proof's commands. */
class WithoutProofIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final Path DISTRIBUTION = ContainerProcess.built("vellum.test.distribution");
    private static final Path PROOF = Path.of("lib/org.vellum.proof.jar");

    @TempDir
    Path folder;

    @BeforeEach
    void copyAllElse() throws IOException {
        assertTrue(Files.exists(DISTRIBUTION.resolve(PROOF)), "there is nothing to go without");
        for (String part : List.of("vellum.jar", "lib", "bundles", "shell", "applications", "etc")) {
            try (Stream<Path> files = Files.walk(DISTRIBUTION.resolve(part))) {
                for (Path file : files.map(DISTRIBUTION::relativize).toList()) {
                    if (!file.equals(PROOF)) {
                        Files.copy(DISTRIBUTION.resolve(file), folder.resolve(file));
                    }
                }
            }
        }
    }

    private ChildProcess vellum(String... arguments) {
        List<String> command = new ArrayList<>(List.of(Jdk.running().tool("java")));
        command.addAll(List.of(System.getProperty("vellum.test.jvm").trim().split("\\s+")));
        command.addAll(List.of("-jar", folder.resolve("vellum.jar").toString()));
        command.addAll(List.of(arguments));
        return ChildProcess.start("vellum " + String.join(" ", arguments), Jdk.running(), command);
    }

    @Test
    void theHelpDoesNotListItsCommands() throws Exception {
        try (ChildProcess help = vellum("--help")) {
            help.succeed(PATIENCE);
            List<String> commands = help.printed().stream()
                    .filter(line -> line.matches(" {2}[a-z].*"))
                    .map(line -> line.trim().split(" ")[0])
                    .toList();
            assertTrue(commands.containsAll(List.of("run", "doctor", "verify", "completion")), commands::toString);
            for (String name : List.of("demo", "crashtest", "soak", "storm", "powercut", "bench")) {
                assertFalse(commands.contains(name), name);
            }
        }
    }

    @Test
    void itsCommandsAreWrongUsage() throws Exception {
        try (ChildProcess crashtest = vellum("crashtest", "--kills", "1")) {
            assertEquals(2, crashtest.exitStatus(PATIENCE));
            assertEquals(1, crashtest.printed().size(), crashtest.printed()::toString);
            assertTrue(crashtest.printed().get(0).contains("'crashtest'"), crashtest.printed()::toString);
        }
    }

    @Test
    void aRegionIsMadeInTheShellAndShown() throws Exception {
        Path storage = folder.resolve("storage");
        try (ChildProcess shell = vellum(
                "run", "--storage=" + storage, "--command=vellum:open orders 1MiB", "--command=vellum:regions")) {
            shell.succeed(PATIENCE);
            assertTrue(
                    shell.printed().stream().anyMatch(line -> line.matches("orders +open +1 MiB.*")),
                    shell.printed()::toString);
        }
    }
}
