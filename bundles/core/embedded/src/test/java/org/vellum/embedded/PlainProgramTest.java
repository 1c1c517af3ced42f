// SPDX-License-Identifier: Apache-2.0
package org.vellum.embedded;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

/** A plain {@code java -cp}: no framework, no properties. It is killed, and what it has committed is there. */
class PlainProgramTest {
    @TempDir
    private Path folder;

    @Test
    @Timeout(120) // only guards against a program that hangs
    void whatAPlainProgramCommittedIsThereAfterItIsKilled() throws Exception {
        assertEquals("start 1, uncommitted before: 0, epoch 1", lineOfOneThatIsKilled());
        List<FileTime> unpacked = timesOfLibraries();
        assertFalse(unpacked.isEmpty());

        assertEquals("start 2, uncommitted before: 0, epoch 2", lineOfOneThatIsKilled());

        assertEquals(unpacked, timesOfLibraries(), "unpacked once");
        assertEquals(
                "rwx------",
                PosixFilePermissions.toString(
                        Files.getPosixFilePermissions(libraries().getParent())));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(libraries())));
    }

    private String lineOfOneThatIsKilled() throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        PlainProgram.class.getName(),
                        folder.resolve("regions").toString())
                .redirectErrorStream(true);
        builder.environment().put("XDG_CACHE_HOME", folder.resolve("cache").toString());
        Process program = builder.start();
        StringBuilder all = new StringBuilder();
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(program.getInputStream(), StandardCharsets.UTF_8))) {
            String line;
            while ((line = output.readLine()) != null) {
                if (line.startsWith("start ")) {
                    return line;
                }
                all.append(line).append('\n');
            }
        } finally {
            program.destroyForcibly().waitFor();
        }
        throw new AssertionError("the program said:\n" + all);
    }

    /** The one folder that was unpacked. */
    private Path libraries() throws IOException {
        try (Stream<Path> folders = Files.list(folder.resolve("cache").resolve("vellum"))) {
            List<Path> all = folders.toList();
            assertEquals(1, all.size(), all.toString());
            return all.get(0);
        }
    }

    private List<FileTime> timesOfLibraries() throws IOException {
        try (Stream<Path> files = Files.list(libraries())) {
            return files.sorted().map(PlainProgramTest::time).toList();
        }
    }

    private static FileTime time(Path file) {
        try {
            return Files.getLastModifiedTime(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
