// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.framework.ChildJvm;
import org.vellum.proof.application.ApplicationLine;
import org.vellum.proof.application.ErrorLines;

/**
 * One process of the crash test. It is started ahead, while its predecessor still works, because starting a framework
 * takes longer than all the rest; it opens the region when it gets its plan.
 */
final class Victim implements AutoCloseable {
    /** Quick to start, quick to die: no second compiler, the smallest collector. */
    private static final List<String> FLAGS =
            List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m");

    private static final Duration CHECK_TIMEOUT = Duration.ofMinutes(10);
    private static final int KILLED = 128 + 9;

    private final Path plan;
    private final ChildJvm child;
    private final Predicate<ApplicationLine> others;
    private final CountDownLatch ready = new CountDownLatch(1);
    private final CountDownLatch opened = new CountDownLatch(1);
    private final ErrorLines errors = new ErrorLines();
    private final List<String> violations = new ArrayList<>();
    private Subject subject;
    private long openNanoseconds;
    private String address = "";
    private String providers = "";
    private boolean checked;
    private long lastWord = System.nanoTime();

    /**
     * @param application what it is registered as
     * @param others takes the lines that every application but the crash test's prints besides
     */
    Victim(
            String application,
            List<String> flags,
            List<String> arguments,
            Path plan,
            Predicate<ApplicationLine> others) {
        this.others = others;
        this.plan = plan;
        List<String> allFlags = new ArrayList<>(FLAGS);
        allFlags.addAll(flags);
        List<String> all = new ArrayList<>(arguments);
        all.addAll(List.of("--plan", plan.toString()));
        child = ChildJvm.start(allFlags, application, all, this::output, this::error);
    }

    private synchronized void output(String text) {
        lastWord = System.nanoTime();
        ApplicationLine line = ApplicationLine.parse(text);
        switch (line.kind()) {
            case "ready" -> ready.countDown();
            case "opened" -> {
                openNanoseconds = line.number("nanoseconds");
                address = line.fields().get("address");
                providers = line.fields().get("providers");
                subject.epoch = Math.max(subject.epoch, line.number("epoch"));
                // what a recovery has found, and an application has seen, must not go away again
                subject.acknowledgedEpoch = Math.max(subject.acknowledgedEpoch, line.number("epoch"));
                opened.countDown();
            }
            case "violation" -> violations.add(line.rest());
            case "checked" -> {
                checked = true;
                subject.recoveries++;
            }
            case "ack" -> acknowledged(line);
            default -> {
                if (!others.test(line)) {
                    error(text);
                }
            }
        }
    }

    private void acknowledged(ApplicationLine line) {
        subject.acknowledgedCommits++;
        subject.acknowledgedEpoch = Math.max(subject.acknowledgedEpoch, line.number("epoch"));
        subject.epoch = Math.max(subject.epoch, subject.acknowledgedEpoch);
        for (Map.Entry<String, String> field : line.fields().entrySet()) {
            if (!field.getKey().equals("epoch")) {
                int index = Integer.parseInt(field.getKey());
                subject.acknowledgedProgress[index] =
                        Math.max(subject.acknowledgedProgress[index], Long.parseLong(field.getValue()));
            }
        }
    }

    private synchronized void error(String text) {
        errors.add(text);
    }

    /** Waits until its framework runs. */
    void awaitReady(Duration longest) throws InterruptedException {
        long end = System.nanoTime() + longest.toNanos();
        while (!ready.await(50, TimeUnit.MILLISECONDS)) {
            if (System.nanoTime() - end > 0 || awaitEnd(Duration.ZERO).isPresent()) {
                throw new CommandFailure("the application did not start" + errorText());
            }
        }
    }

    /**
     * Hands it its work: to go on with the region until it is killed.
     *
     * @param assignment what else the plan says
     */
    void go(Subject work, long seed, Map<String, String> assignment) throws IOException {
        Properties properties = new Properties();
        properties.setProperty("verify", "false");
        properties.putAll(assignment);
        synchronized (this) {
            subject = work;
            lastWord = System.nanoTime();
            StringBuilder progress = new StringBuilder();
            for (long value : work.acknowledgedProgress) {
                progress.append(progress.length() == 0 ? "" : ",").append(value);
            }
            properties.setProperty("check", work.name);
            properties.setProperty("seed", Long.toString(seed));
            properties.setProperty("acknowledged.epoch", Long.toString(work.acknowledgedEpoch));
            properties.setProperty("acknowledged.progress", progress.toString());
        }
        // it must never read half a plan
        Path unfinished = plan.resolveSibling(plan.getFileName() + ".part");
        try (var writer = Files.newBufferedWriter(unfinished)) {
            properties.store(writer, null);
        }
        Files.move(unfinished, plan, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Waits until it says that the region is open, or has ended; true if it still runs then. */
    boolean awaitOpened(Duration longest) throws InterruptedException {
        long end = System.nanoTime() + longest.toNanos();
        while (System.nanoTime() - end < 0 && awaitEnd(Duration.ZERO).isEmpty()) {
            if (opened.await(1, TimeUnit.MILLISECONDS)) {
                return true;
            }
        }
        return awaitEnd(Duration.ZERO).isEmpty();
    }

    /** @return its exit status, once all it wrote was taken in; empty while it runs */
    OptionalInt awaitEnd(Duration longest) throws InterruptedException {
        return child.await(longest);
    }

    /** As {@link #awaitEnd}; one that does not end by itself is killed. */
    OptionalInt awaitEndOrKill(Duration longest) throws InterruptedException {
        OptionalInt status = awaitEnd(longest);
        if (status.isEmpty()) {
            child.kill();
            status = awaitEnd(Duration.ZERO);
        }
        return status;
    }

    /** Whether it has said nothing for so long. */
    synchronized boolean isSilent(Duration silence) {
        return System.nanoTime() - lastWord > silence.toNanos();
    }

    long pid() {
        return child.pid();
    }

    static boolean wasKilled(OptionalInt status) {
        return status.orElse(0) == KILLED;
    }

    /**
     * Has it check what its predecessor left, and do nothing else.
     *
     * @return why it could not, a sentence; empty: it has checked, and {@link #violations} tells
     */
    Optional<String> check(Subject work, long seed) throws IOException, InterruptedException {
        go(work, seed, Map.of("verify", "true"));
        OptionalInt status = awaitEnd(CHECK_TIMEOUT);
        boolean failed = (status.orElse(-1) != 0 && violations().isEmpty()) || !checked();
        return failed
                ? Optional.of("the last check of " + work.description + " ended with status " + status.orElse(-1)
                        + errorText())
                : Optional.empty();
    }

    synchronized List<String> violations() {
        return List.copyOf(violations);
    }

    synchronized long openNanoseconds() {
        return openNanoseconds;
    }

    synchronized String address() {
        return address;
    }

    synchronized String providers() {
        return providers;
    }

    synchronized boolean checked() {
        return checked;
    }

    synchronized String errorText() {
        return errors.text();
    }

    @Override
    public void close() {
        child.close();
        try {
            Files.deleteIfExists(plan);
        } catch (IOException e) {
            throw new CommandFailure("plan " + plan + " cannot be deleted: " + e, e);
        }
    }
}
