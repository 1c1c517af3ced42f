// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.deployment;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.vellum.test.tool.Jdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A container that runs the {@code Diary} of the consumer bundle.
 *
 * @param home its folder, and working directory; the region and what the process prints are in it too
 * @param command starts it, in place of the shell if there is one, so that a kill reaches the JVM
 * @param environment added to this JVM's
 */
record ContainerProcess(Path home, List<String> command, Map<String, String> environment) {
    /** A limit against hanging, which a busy machine stays within. */
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    private static final long PAUSE_MILLISECONDS = 20;

    private static final String REPORT = "report";
    private static final String LAST = "last";

    /** {@code java} with properties that the diary needs, and not one flag for the sake of Vellum. */
    static List<String> java(Jdk jdk, Path home, String... arguments) {
        List<String> command = new ArrayList<>(List.of(jdk.tool("java")));
        command.addAll(properties(home));
        command.addAll(List.of(arguments));
        return command;
    }

    static List<String> properties(Path home) {
        return List.of(
                "-Dvellum.test.report=" + home.resolve(REPORT),
                "-Dvellum.test.last=" + home.resolve(LAST),
                "-Dvellum.directory=" + home.resolve("regions"));
    }

    /** A file or folder of the build that a system property names. */
    static Path built(String property) {
        Path path = Path.of(System.getProperty(property));
        assertTrue(
                Files.exists(path), path + " is missing: the package phase of features/ and of this module makes it");
        return path;
    }

    /** Something done to a container that runs. */
    interface Visit {
        /** The container is killed when this returns or throws. */
        void to(Running container) throws Exception;
    }

    /** Two lives, with a kill in between; what the first committed is there in the second, what it stored later not. */
    void livesTwice() throws Exception {
        livesTwice(container -> {});
    }

    /** As {@link #livesTwice()}; each life is visited when the diary has reported. */
    void livesTwice(Visit visit) throws Exception {
        assertSecondLife(life(container -> {}, visit), life(container -> {}, visit));
    }

    /** What the diary reports in a second life after a first. */
    static void assertSecondLife(String first, String second) {
        assertTrue(first.startsWith("entries=1 epoch=1 leftover=0 address=0x"), first);
        assertEquals(first.replace("=1", "=2"), second, "the second life");
    }

    /** One more life, which SIGTERM ends: the diary commits when it is deactivated, and nobody warns of anything. */
    void endsInOrder() throws Exception {
        life(container -> {}, container -> {
            String before = container.printed();
            container.process().destroy();
            assertTrue(
                    container.process().waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS), "it does not end at SIGTERM");
            String after = container.printed().substring(before.length());
            Path last = home.resolve(LAST);
            assertTrue(Files.exists(last), "the diary was not deactivated; printed was:\n" + after);
            assertTrue(Files.readString(last).startsWith("committed epoch "), Files.readString(last));
            // Felix writes how it wires bundles, also late, and Event Admin that it ends with events on their way
            List<String> complaints = after.lines()
                    .filter(line -> !line.startsWith("DEBUG: ") && !line.contains("EventAdmin: "))
                    .filter(line -> line.contains("WARNING") || line.contains("vellum.api"))
                    .toList();
            assertEquals(List.of(), complaints, after);
        });
    }

    /**
     * One life.
     *
     * @param beginning when it has been started
     * @param end when the diary has reported
     * @return the diary's report
     */
    String life(Visit beginning, Visit end) throws Exception {
        Path report = home.resolve(REPORT);
        Files.deleteIfExists(report);
        Path output = home.resolve("output.txt");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(home.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().putAll(environment);
        // the flags of the JVM that runs the tests are not the container's
        builder.environment().remove("JDK_JAVA_OPTIONS");
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        Running container = new Running(builder.start(), output);
        try {
            beginning.to(container);
            container.await("it has reported", () -> Files.exists(report));
            end.to(container);
            return Files.readString(report).strip();
        } finally {
            container.process().destroyForcibly().waitFor();
        }
    }

    /** A container that runs, and the file with what it printed. */
    record Running(Process process, Path output) {
        /** Types a line on its standard input. */
        void type(String line) throws IOException {
            process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
        }

        String printed() throws IOException {
            return Files.readString(output);
        }

        /** Returns as soon as {@code condition} holds; fails when the container ends, or it never does. */
        void await(String what, Callable<Boolean> condition) throws Exception {
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            while (!condition.call()) {
                if (!process.isAlive() || System.nanoTime() > deadline) {
                    throw new AssertionError("the container " + (process.isAlive() ? "runs" : "has ended")
                            + ", and not: " + what + "; it printed:\n" + tail(output));
                }
                Thread.sleep(PAUSE_MILLISECONDS);
            }
        }
    }

    private static String tail(Path output) throws IOException {
        try (Stream<String> lines = Files.lines(output)) {
            return lines.limit(200).collect(Collectors.joining("\n"));
        }
    }
}
