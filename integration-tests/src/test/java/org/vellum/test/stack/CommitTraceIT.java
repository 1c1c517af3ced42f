// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Skip;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A commit on the store dax, emulated, as the kernel sees it: what system calls its thread makes. Traced by strace, which
 * attaches to that one thread.
 */
class CommitTraceIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    /**
     * What the JVM itself may do in any thread at any time: come to a safepoint, and hand the event that is posted once a
     * second to another thread.
     */
    private static final Set<String> OF_THE_JVM = Set.of("futex", "mprotect", "madvise", "sched_yield");

    @TempDir
    Path folder;

    /** From the first step of making the batch durable until commit() has returned. */
    @Test
    void redoMakesNoSystemCallBehindTheCut() throws Exception {
        List<List<String>> commits = trace("dirty-bit", "dax", "APPEND");
        assertNoneButTheJvms(commits);
    }

    /**
     * A commit in place is one native call. Behind the collected dirty set it makes no system call but the one that restores
     * the signal mask; before it are the page table's own, which protect the pages again.
     */
    @Test
    void undoMakesNoSystemCallBehindTheDirtySet() throws Exception {
        List<List<String>> commits = trace("write-protect", "dax", "CUT");
        List<List<String>> behind = commits.stream()
                .map(calls -> calls.subList(endOfTracking(calls), calls.size()))
                .map(calls -> calls.stream()
                        .filter(call -> !call.equals("rt_sigprocmask"))
                        .toList())
                .toList();
        assertNoneButTheJvms(behind);
        commits.forEach(calls ->
                assertTrue(calls.stream().filter("rt_sigprocmask"::equals).count() <= 2, calls.toString()));
    }

    /** Behind the last call by which the host's page table protects pages: ioctl of a userfaultfd, or mprotect. */
    private static int endOfTracking(List<String> calls) {
        int last = Math.max(calls.lastIndexOf("ioctl"), calls.lastIndexOf("mprotect"));
        assertTrue(last >= 0, "no page was protected again: " + calls);
        return last + 1;
    }

    /** That the trace would show one: the file store's commit is a write and a sync. */
    @Test
    void theSameTraceShowsTheCallsOfTheFileStore() throws Exception {
        for (List<String> calls : trace("dirty-bit", "file", "APPEND")) {
            assertTrue(calls.contains("pwrite64") && calls.contains("fdatasync"), calls.toString());
        }
    }

    private static void assertNoneButTheJvms(List<List<String>> commits) {
        Map<String, Integer> counts = new TreeMap<>();
        commits.forEach(calls -> calls.forEach(call -> counts.merge(call, 1, Integer::sum)));
        System.out.println("system calls in " + commits.size() + " commits: " + counts);
        Set<String> others = new TreeSet<>(counts.keySet());
        others.removeAll(OF_THE_JVM);
        assertEquals(Set.of(), others);
        long silent = commits.stream().filter(List::isEmpty).count();
        assertTrue(silent >= commits.size() * 9 / 10, silent + " of " + commits.size() + " made none: " + counts);
    }

    /** The calls of each commit between its mark of a phase and its return. */
    private List<List<String>> trace(String strategy, String store, String from) throws Exception {
        Skip.unless(canTrace(), "traces of a commit", "strace is not installed, or may not attach to a process");
        Path output = folder.resolve("trace");
        try (ChildProcess child = ChildProcess.start(
                org.vellum.test.tool.Jdk.running(),
                List.of("-Dvellum.dax.emulate=true", "-XX:+UseSerialGC"),
                CommitTraceProbe.class,
                folder.resolve("regions").toString(),
                strategy,
                store)) {
            String thread = child.await("thread ", PATIENCE);
            Process strace = new ProcessBuilder("strace", "-p", thread, "-o", output.toString())
                    .redirectErrorStream(true)
                    .start();
            try (var said = strace.inputReader()) {
                String line = said.readLine();
                assertTrue(line != null && line.contains("attached"), "strace: " + line);
                child.send("");
                child.succeed(PATIENCE);
                assertTrue(strace.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS), "strace goes on");
            } finally {
                strace.destroyForcibly();
            }
        }
        return commits(Files.readAllLines(output), from);
    }

    private static List<List<String>> commits(List<String> lines, String from) {
        List<List<String>> commits = new ArrayList<>();
        List<String> current = null;
        for (String line : lines) {
            if (line.contains(CommitTraceProbe.MARK + from + '"')) {
                current = new ArrayList<>();
            } else if (line.contains(CommitTraceProbe.MARK + CommitTraceProbe.RETURNED + '"')) {
                if (current != null) {
                    commits.add(current);
                }
                current = null;
            } else if (current != null && !line.contains(CommitTraceProbe.MARK) && line.matches("[a-z0-9_]+\\(.*")) {
                current.add(line.substring(0, line.indexOf('(')));
            }
        }
        assertEquals(CommitTraceProbe.COMMITS, commits.size());
        return commits;
    }

    private static boolean canTrace() throws Exception {
        try {
            return new ProcessBuilder("strace", "-o", "/dev/null", "true")
                            .redirectErrorStream(true)
                            .start()
                            .waitFor()
                    == 0;
        } catch (java.io.IOException e) {
            return false;
        }
    }
}
