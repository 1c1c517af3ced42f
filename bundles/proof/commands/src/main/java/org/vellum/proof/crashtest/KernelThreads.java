// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * What the kernel says of each thread of a process that is stuck: a JVM that waits for a safepoint in vain cannot be
 * asked itself.
 */
final class KernelThreads {
    private KernelThreads() {}

    /** A line each: number, name, state, where it waits, system call and its arguments. */
    static void write(long process, Path file) throws IOException {
        List<String> lines = new ArrayList<>();
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + process + "/task"))) {
            for (Path task : tasks.sorted().toList()) {
                lines.add(task.getFileName() + " " + content(task, "comm") + ", " + state(task) + ", "
                        + content(task, "wchan") + ", " + content(task, "syscall"));
            }
        }
        Files.write(file, lines);
    }

    private static String state(Path task) {
        return content(task, "status")
                .lines()
                .filter(line -> line.startsWith("State:"))
                .findFirst()
                .orElse("State: unknown")
                .replaceAll("\\s+", " ");
    }

    /** The kernel hides some of these from some users, and a thread may end meanwhile. */
    private static String content(Path task, String name) {
        try {
            return Files.readString(task.resolve(name)).strip();
        } catch (IOException e) {
            return e.toString();
        }
    }
}
