// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.vellum.launcher.Vellum;
import org.vellum.launcher.command.CommandFailure;

/**
 * An application in a JVM of its own, with this JVM's flags, to be killed at will.
 *
 * <p>The child never outlives this JVM: its standard input is a pipe from here, and it exits when that ends. It is
 * reaped, and its framework's files are deleted, by {@link #close()} at the latest, which kills it if it still runs.
 * Safe for use by many threads.
 */
public final class ChildJvm implements AutoCloseable {
    private final Process process;
    private final Storage storage;
    private final List<Thread> readers;

    private ChildJvm(Process process, Storage storage, List<Thread> readers) {
        this.process = process;
        this.storage = storage;
        this.readers = readers;
    }

    /**
     * Starts the application.
     *
     * @param name what the application registered itself as
     * @param arguments its arguments
     * @param output receives each line of its standard output, in order, on a thread of its own
     * @param errors receives each line of its standard error, likewise
     */
    public static ChildJvm start(
            String name, List<String> arguments, Consumer<String> output, Consumer<String> errors) {
        return start(List.of(), name, arguments, output, errors);
    }

    /**
     * As {@link #start(String, List, Consumer, Consumer)}.
     *
     * @param flags of the JVM, besides and after those of this one
     */
    public static ChildJvm start(
            List<String> flags, String name, List<String> arguments, Consumer<String> output, Consumer<String> errors) {
        Storage storage = Storage.temporary();
        try {
            Process process = new ProcessBuilder(command(flags, name, arguments, storage.folder())).start();
            ChildJvm child = new ChildJvm(
                    process,
                    storage,
                    List.of(
                            reader(name + " output", process.getInputStream(), output),
                            reader(name + " errors", process.getErrorStream(), errors)));
            child.readers.forEach(Thread::start);
            return child;
        } catch (IOException e) {
            storage.close();
            throw new CommandFailure("application '" + name + "': no JVM can be started: " + e.getMessage(), e);
        }
    }

    private static List<String> command(List<String> flags, String name, List<String> arguments, Path storage) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(flags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Vellum.class.getName()));
        command.addAll(List.of(
                ApplicationCommand.NAME,
                ApplicationCommand.WITH_STANDARD_INPUT,
                ApplicationCommand.TEMPORARY_FOLDER,
                storage.toString(),
                name));
        command.addAll(arguments);
        return command;
    }

    private static Thread reader(String name, InputStream stream, Consumer<String> consumer) {
        Thread thread = new Thread(
                () -> {
                    try (BufferedReader lines =
                            new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
                        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                            consumer.accept(line);
                        }
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                name);
        thread.setDaemon(true);
        return thread;
    }

    public long pid() {
        return process.pid();
    }

    /** SIGKILL, then waits until the child is reaped and all it had written has been consumed. */
    public void kill() throws InterruptedException {
        sendKill();
        process.waitFor();
        consumeRest();
    }

    /** By the handle: Process.destroyForcibly also closes the streams, and what the child had written would be lost. */
    private void sendKill() {
        process.toHandle().destroyForcibly();
    }

    /**
     * Waits until it has ended and all it had written has been consumed.
     *
     * @return its exit status (137 after SIGKILL), or empty when it still runs after {@code timeout}
     */
    public OptionalInt await(Duration timeout) throws InterruptedException {
        if (!process.waitFor(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
            return OptionalInt.empty();
        }
        consumeRest();
        return OptionalInt.of(process.exitValue());
    }

    private void consumeRest() throws InterruptedException {
        for (Thread reader : readers) {
            reader.join();
        }
    }

    /** Kills it if it still runs, and deletes its framework's files. Idempotent. */
    @Override
    public void close() {
        sendKill();
        try {
            process.waitFor();
            consumeRest();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        storage.close();
    }
}
