// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;

/** What every Java thread of this process is doing, for people. */
final class Stacks {
    private Stacks() {}

    static void write(Path file) {
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(file))) {
            ThreadMXBean threads = ManagementFactory.getThreadMXBean();
            for (ThreadInfo thread : threads.dumpAllThreads(true, true)) {
                out.println("\"" + thread.getThreadName() + "\" " + thread.getThreadState()
                        + (thread.getLockName() == null
                                ? ""
                                : " on " + thread.getLockName() + " held by " + thread.getLockOwnerName()));
                for (StackTraceElement frame : thread.getStackTrace()) {
                    out.println("    at " + frame);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
