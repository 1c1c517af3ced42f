package org.vellum.crashtest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What this process holds: a leak shows in the numbers of two moments. */
final class Holdings {
    private static final Path PROCESS = Path.of("/proc/self");

    private Holdings() {}

    /** As the line that {@link SoakApplication} describes. */
    static String line() {
        System.gc();
        try {
            return "holds files=" + entries("fd") + " mappings=" + lines("maps") + " threads=" + entries("task")
                    + " classes=" + ManagementFactory.getClassLoadingMXBean().getLoadedClassCount() + " memoryKiB="
                    + anonymousKibibytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long entries(String folder) throws IOException {
        try (Stream<Path> entries = Files.list(PROCESS.resolve(folder))) {
            return entries.count();
        }
    }

    private static long lines(String file) throws IOException {
        try (Stream<String> lines = Files.lines(PROCESS.resolve(file))) {
            return lines.count();
        }
    }

    /** All of the heap is touched when the process starts, so what it grows by is not Java's. */
    private static long anonymousKibibytes() throws IOException {
        try (Stream<String> lines = Files.lines(PROCESS.resolve("status"))) {
            return lines.filter(line -> line.startsWith("RssAnon:"))
                    .map(line -> line.replaceAll("[^0-9]", ""))
                    .mapToLong(Long::parseLong)
                    .sum();
        }
    }
}
