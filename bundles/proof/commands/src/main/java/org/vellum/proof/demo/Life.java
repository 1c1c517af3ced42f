// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.demo;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.framework.ChildJvm;
import org.vellum.proof.application.ApplicationLine;
import org.vellum.proof.application.ErrorLines;

/** One process of the word index, from its start to its end, as its output tells it. Safe for use by many threads. */
final class Life {

    volatile String providers = "";
    volatile String address = "";
    volatile long firstDone;
    volatile long openedAt;
    volatile long lastCommitAt;
    volatile long killedAt;

    private final Map<String, String> latest = new HashMap<>();
    private final List<String> differences = new ArrayList<>();
    private final ErrorLines errors = new ErrorLines();
    private long files = -1;
    private long done;
    private long skipped;
    private boolean finished;
    private boolean compared;

    synchronized void output(String text) {
        ApplicationLine line = ApplicationLine.parse(text);
        latest.putAll(line.fields());
        switch (line.kind()) {
            case "opened" -> {
                address = latest.get("address");
                providers = latest.get("providers");
                firstDone = line.number("done");
                done = firstDone;
                openedAt = System.nanoTime();
                lastCommitAt = openedAt;
            }
            case "started" -> files = line.number("files");
            case "committed" -> {
                done = line.number("done");
                lastCommitAt = System.nanoTime();
            }
            case "skipped" -> skipped++;
            case "finished" -> finished = true;
            case "difference" -> differences.add(line.rest());
            case "compared" -> compared = true;
            default -> error(text);
        }
        notifyAll();
    }

    synchronized void error(String text) {
        errors.add(text);
    }

    /** Waits until it knows its work; returns the number of files. */
    synchronized long awaitStarted(ChildJvm child) throws InterruptedException {
        while (files < 0) {
            wait(50);
            if (files < 0 && hasEnded(child)) {
                requireSuccess(child, "word-index");
                throw new CommandFailure("the application ended before it began" + errorText());
            }
        }
        return files;
    }

    /**
     * Waits until {@code target} files are done, it has ended, or {@code longest} is over.
     *
     * @return true if it has ended
     */
    @SuppressWarnings("WaitNotInLoop") // the caller asks again
    boolean awaitDone(long target, Duration longest, ChildJvm child) throws InterruptedException {
        synchronized (this) {
            if (done < target) {
                wait(longest.toMillis());
            }
            if (done >= target) {
                return false;
            }
        }
        return hasEnded(child);
    }

    private static boolean hasEnded(ChildJvm child) {
        return !ProcessHandle.of(child.pid()).map(ProcessHandle::isAlive).orElse(false);
    }

    /** @throws CommandFailure it failed; with what it said last */
    void requireSuccess(ChildJvm child, String application) throws InterruptedException {
        OptionalInt status = child.await(Duration.ofSeconds(30));
        if (status.isEmpty() || status.getAsInt() != 0) {
            throw new CommandFailure("application '" + application + "' ended by itself with status "
                    + (status.isEmpty() ? "unknown" : status.getAsInt()) + errorText());
        }
    }

    synchronized String errorText() {
        return errors.text();
    }

    /** The latest value of a field in any line; 0 before there was one. */
    synchronized long number(String field) {
        return Long.parseLong(latest.getOrDefault(field, "0"));
    }

    synchronized long done() {
        return done;
    }

    synchronized long skipped() {
        return skipped;
    }

    synchronized boolean finished() {
        return finished;
    }

    synchronized boolean compared() {
        return compared;
    }

    synchronized List<String> differences() {
        return List.copyOf(differences);
    }
}
