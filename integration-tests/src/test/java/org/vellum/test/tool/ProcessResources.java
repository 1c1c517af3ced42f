// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.tool;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What this process holds, each kind of thing with its number: open files, threads, mappings. */
public final class ProcessResources {
    private ProcessResources() {}

    /** All of it. */
    public static Map<String, Long> held() throws IOException {
        Map<String, Long> held = files();
        Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> !thread.getName().startsWith("process reaper"))
                .forEach(thread -> held.merge("thread " + numberless(thread.getName()), 1L, Long::sum));
        held.putAll(mappings());
        return held;
    }

    /** The open files alone. */
    public static Map<String, Long> files() throws IOException {
        Map<String, Long> held = new TreeMap<>();
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            files.forEach(file -> held.merge("file " + target(file), 1L, Long::sum));
        }
        return held;
    }

    /** So that things of one kind count as one. */
    private static String numberless(String name) {
        return name.replaceAll("[0-9]+", "#");
    }

    private static String target(Path file) {
        try {
            return numberless(Files.readSymbolicLink(file).toString());
        } catch (IOException e) {
            return "gone"; // the listing's own descriptor
        }
    }

    /**
     * Mappings of files and of our own address ranges. The anonymous ones elsewhere are the JVM's heaps and malloc's
     * arenas, which come and go by themselves.
     */
    private static Map<String, Long> mappings() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> !line.contains("memfd:vellum-retired"))
                    .filter(line -> line.startsWith("3") && line.indexOf('-') == 12
                            || line.contains(" /")
                            || line.contains("anon_inode:"))
                    .map(line -> "mapping " + numberless(line.replaceFirst("^\\S+ \\S+ \\S+ ", "")))
                    .collect(Collectors.groupingBy(line -> line, TreeMap::new, Collectors.counting()));
        }
    }
}
