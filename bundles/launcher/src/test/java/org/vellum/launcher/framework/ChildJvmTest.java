// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Tag("slow")
class ChildJvmTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final BlockingQueue<String> output = new LinkedBlockingQueue<>();

    @BeforeAll
    static void distribution() throws Exception {
        Distribution distribution = Distribution.running();
        Files.createDirectories(distribution.home().resolve("bundles"));
        TestBundle.application(distribution.home().resolve("applications"));
    }

    private ChildJvm start(String... arguments) {
        return ChildJvm.start("probe", List.of(arguments), output::add, System.err::println);
    }

    private String line() throws InterruptedException {
        return output.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    @Test
    void argumentsOutputAndExitStatusPassThroughAndTheFrameworkStops() throws Exception {
        try (ChildJvm child = start("return", "3", "--vmm", "auto", "with space")) {
            assertEquals(OptionalInt.of(3), child.await(PATIENCE));
            assertEquals(
                    List.of(Long.toString(child.pid()), "return", "3", "--vmm", "auto", "with space", "stopped"),
                    new ArrayList<>(output));
        }
    }

    @Test
    void aKilledChildIsReapedWithTheStatusOfSigkillAndNeverStopsItsFramework() throws Exception {
        try (ChildJvm child = start("wait")) {
            assertEquals(Long.toString(child.pid()), line());
            assertEquals("wait", line());
            assertEquals(OptionalInt.empty(), child.await(Duration.ZERO));
            child.kill();
            assertEquals(OptionalInt.of(128 + 9), child.await(Duration.ZERO));
            assertFalse(
                    ProcessHandle.of(child.pid()).map(ProcessHandle::isAlive).orElse(false));
            assertTrue(output.isEmpty(), output.toString());
        }
    }

    @Test
    void whatAKilledChildHadWrittenArrivesToTheLastLine(@TempDir Path folder) throws Exception {
        Path written = folder.resolve("written");
        CountDownLatch dead = new CountDownLatch(1);
        // the reader does not go on before the child is dead, so the lines are still in the pipe then
        Consumer<String> slow = line -> {
            try {
                dead.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            output.add(line);
        };
        try (ChildJvm child =
                ChildJvm.start("probe", List.of("write", written.toString()), slow, System.err::println)) {
            await().atMost(PATIENCE).until(() -> Files.exists(written));
            ProcessHandle.of(child.pid()).orElseThrow().onExit().thenRun(dead::countDown);
            child.kill();
            List<String> lines = new ArrayList<>(output);
            assertEquals("line " + (ProbeApplication.LINES - 1), lines.get(lines.size() - 1));
            assertEquals(3 + ProbeApplication.LINES, lines.size());
        }
    }

    @Test
    void aChildDoesNotOutliveItsParent() throws Exception {
        Process parent = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "-D" + Distribution.HOME_PROPERTY + "="
                                + Distribution.running().home(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Parent.class.getName())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader lines = parent.inputReader()) {
            ProcessHandle child =
                    ProcessHandle.of(Long.parseLong(lines.readLine())).orElseThrow();
            assertTrue(child.isAlive());
            parent.destroyForcibly();
            child.onExit().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } finally {
            parent.destroyForcibly();
        }
    }

    /** Starts a child that waits, shows its process id, and waits itself. */
    public static final class Parent {
        private Parent() {}

        public static void main(String[] arguments) throws InterruptedException {
            try (ChildJvm child = ChildJvm.start("probe", List.of("wait"), System.out::println, System.err::println)) {
                child.await(Duration.ofDays(1));
            }
        }
    }
}
