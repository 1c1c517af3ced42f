// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What figures depend on, in one line. */
final class Machine {
    private Machine() {}

    static String describe(Path directory) {
        try {
            return "Linux " + System.getProperty("os.version") + ", " + processor() + ", "
                    + Runtime.getRuntime().availableProcessors() + " cores, "
                    + memory() + " memory, JDK " + System.getProperty("java.version") + ", "
                    + Files.getFileStore(directory).type() + " file system";
        } catch (IOException e) {
            throw new UncheckedIOException("cannot describe this machine", e);
        }
    }

    private static String processor() throws IOException {
        return valueIn(Path.of("/proc/cpuinfo"), "model name");
    }

    private static String memory() throws IOException {
        long kibibytes =
                Long.parseLong(valueIn(Path.of("/proc/meminfo"), "MemTotal").replace(" kB", ""));
        return Math.round(kibibytes / 1048576.0) + " GiB";
    }

    private static String valueIn(Path file, String key) throws IOException {
        try (var lines = Files.lines(file)) {
            return lines.filter(line -> line.startsWith(key))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("unknown");
        }
    }
}
