// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.tool;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A main class of the tests, or a program, in a JVM of its own, with everything it prints (standard output and standard
 * error together). Every wait ends: when the child's end makes it pointless, or when time is up; then the child is made to
 * say what its threads do, is killed, and the test fails with all it had printed.
 */
public final class ChildProcess implements AutoCloseable {
    /** Exit status of a process ended by SIGKILL. */
    public static final int KILLED = 128 + 9;

    private static final String END = "\0end of output";

    private final Jdk jdk;
    private final String name;
    private final Process process;
    private final Writer input;
    private final BlockingQueue<String> unread = new LinkedBlockingQueue<>();
    private final List<String> printed = new CopyOnWriteArrayList<>();
    private final CompletableFuture<Void> output;

    private ChildProcess(Jdk jdk, String name, Process process) {
        this.jdk = jdk;
        this.name = name;
        this.process = process;
        this.input = process.outputWriter(StandardCharsets.UTF_8);
        this.output = CompletableFuture.runAsync(this::read, work -> {
            Thread reader = new Thread(work, name + " output");
            reader.setDaemon(true);
            reader.start();
        });
    }

    /** Starts {@code main} with the class path of this JVM, on the JDK that runs the test. */
    public static ChildProcess start(Class<?> main, String... arguments) {
        return start(Jdk.running(), List.of(), main, arguments);
    }

    /** As {@link #start(Class, String...)}, with additional variables in the child's environment. */
    public static ChildProcess start(Map<String, String> environment, Class<?> main, String... arguments) {
        return start(Jdk.running(), List.of(), environment, main, arguments);
    }

    /** As {@link #start(Class, String...)}, on a JDK of choice, with additional flags for the JVM. */
    public static ChildProcess start(Jdk jdk, List<String> flags, Class<?> main, String... arguments) {
        return start(jdk, flags, Map.of(), main, arguments);
    }

    private static ChildProcess start(
            Jdk jdk, List<String> flags, Map<String, String> environment, Class<?> main, String... arguments) {
        List<String> command = new ArrayList<>(List.of(jdk.tool("java")));
        command.addAll(List.of(System.getProperty("vellum.test.jvm").trim().split("\\s+")));
        command.add("-Dvellum.test.bundles=" + System.getProperty("vellum.test.bundles"));
        command.add("-Dvellum.test.jvm=" + System.getProperty("vellum.test.jvm"));
        // children are killed on purpose: no core dumps, and crash reports where they are swept away
        command.addAll(List.of("-XX:-CreateCoredumpOnCrash", "-XX:ErrorFile=/dev/null"));
        command.addAll(flags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(arguments));
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            builder.environment().putAll(environment);
            Process process = builder.start();
            return new ChildProcess(jdk, main.getSimpleName() + " on JDK " + jdk.feature() + " " + flags, process);
        } catch (IOException e) {
            throw new IllegalStateException("cannot start " + command, e);
        }
    }

    /**
     * Starts a program.
     *
     * @param name what messages call it
     * @param jdk the one of {@code command}, which starts a JVM
     */
    public static ChildProcess start(String name, Jdk jdk, List<String> command) {
        try {
            return new ChildProcess(
                    jdk,
                    name,
                    new ProcessBuilder(command).redirectErrorStream(true).start());
        } catch (IOException e) {
            throw new IllegalStateException("cannot start " + command, e);
        }
    }

    private void read() {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                printed.add(line);
                unread.add(line);
            }
        } catch (IOException e) {
            printed.add("(the output ends here: " + e + ")");
        } finally {
            unread.add(END);
        }
    }

    public long pid() {
        return process.pid();
    }

    /** Everything printed so far. */
    public List<String> printed() {
        return printed;
    }

    /** Writes a line to its standard input. */
    public void send(String line) throws IOException {
        input.write(line + "\n");
        input.flush();
    }

    /** Waits for a line that starts with {@code prefix} and returns the rest of it; lines before it are passed over. */
    public String await(String prefix, Duration patience) throws InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            String line = unread.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
            if (line == null) {
                throw giveUp("has not printed '" + prefix + "' after " + patience.toSeconds() + " s");
            }
            if (line.equals(END)) {
                unread.add(END);
                throw failure("ended with status " + process.waitFor() + " before it printed '" + prefix + "'");
            }
            if (line.startsWith(prefix)) {
                return line.substring(prefix.length());
            }
        }
    }

    /** Waits for its end. */
    public int exitStatus(Duration patience) throws InterruptedException {
        if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
            throw giveUp("has not ended after " + patience.toSeconds() + " s");
        }
        output.join();
        return process.exitValue();
    }

    /** Waits for its end and fails unless it went well. */
    public void succeed(Duration patience) throws InterruptedException {
        int status = exitStatus(patience);
        if (status != 0) {
            throw failure("ended with status " + status);
        }
    }

    /** SIGKILL; returns when it is gone and all it had printed is here. */
    public void kill() {
        process.destroyForcibly();
        process.onExit().join();
        output.join();
    }

    private AssertionError giveUp(String complaint) throws InterruptedException {
        printed.addAll(threads());
        kill();
        return failure(complaint);
    }

    private AssertionError failure(String complaint) {
        return new AssertionError(name + " " + complaint + "; it printed:\n" + String.join("\n", printed));
    }

    /**
     * What the threads of a JVM do that may be unable to tell: jstack needs a safepoint, the kernel does not.
     */
    private List<String> threads() throws InterruptedException {
        List<String> dump = new ArrayList<>();
        dump.add("--- threads, as the kernel sees them");
        try (Stream<Path> tasks = Files.list(Path.of("/proc", Long.toString(pid()), "task"))) {
            for (Path task : tasks.toList()) {
                dump.add(task.getFileName() + " " + line(task, "comm") + " " + line(task, "wchan") + " "
                        + line(task, "syscall"));
            }
        } catch (IOException e) {
            dump.add("(not to be read: " + e + ")");
        }
        dump.add("--- threads, as the JVM sees them");
        try {
            Path answer = Files.createTempFile("jstack", ".txt");
            Process jstack = new ProcessBuilder(jdk.tool("jstack"), Long.toString(pid()))
                    .redirectErrorStream(true)
                    .redirectOutput(answer.toFile())
                    .start();
            if (!jstack.waitFor(10, TimeUnit.SECONDS)) {
                jstack.destroyForcibly().waitFor();
                dump.add("(no answer within 10 s: it does not come to a safepoint)");
            }
            dump.addAll(Files.readAllLines(answer));
            Files.delete(answer);
        } catch (IOException e) {
            dump.add("(no jstack: " + e + ")");
        }
        return dump;
    }

    private static String line(Path task, String file) {
        try {
            return Files.readString(task.resolve(file)).trim();
        } catch (IOException e) {
            return "?";
        }
    }

    /** Kills it if it still runs. */
    @Override
    public void close() {
        kill();
    }
}
