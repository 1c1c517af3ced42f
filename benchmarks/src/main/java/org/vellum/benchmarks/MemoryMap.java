// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.vellum.api.Region;

/** The memory behind a region's mappings, from {@code /proc/self/smaps}. */
final class MemoryMap {
    private static final Pattern MAPPING = Pattern.compile("([0-9a-f]+)-([0-9a-f]+) \\S+ [0-9a-f]+ \\S+ \\d+ *(.*)");
    private static final Pattern FIGURE = Pattern.compile("(\\w+): +(\\d+) kB");

    private MemoryMap() {}

    /**
     * KiB, summed over the mappings.
     *
     * @param regionRss resident where the application loads and stores
     * @param regionPss the same, with pages shared with other mappings counted by their share
     * @param aliasRss resident in the second mapping of the working file
     * @param workingFile memory the working file takes, mapped or not, as the region's status says
     * @param committedPrivate pages of the committed view that differ from the home image's page cache
     * @param committedShared pages of the committed view that are the page cache's
     * @param otherPrivate in Vellum's anonymous mappings: pre-images, batch, tables
     */
    record Use(
            long regionRss,
            long regionPss,
            long aliasRss,
            long workingFile,
            long committedPrivate,
            long committedShared,
            long otherPrivate) {
        Use minus(Use other) {
            return new Use(
                    regionRss - other.regionRss,
                    regionPss - other.regionPss,
                    aliasRss - other.aliasRss,
                    workingFile - other.workingFile,
                    committedPrivate - other.committedPrivate,
                    committedShared - other.committedShared,
                    otherPrivate - other.otherPrivate);
        }
    }

    /** One mapping. Figures are KiB. */
    private static final class Mapping {
        private final long start;
        private final String file;
        private long rss;
        private long pss;
        private long privateBytes;
        private long anonymous;
        private Set<String> flags = Set.of();

        private Mapping(long start, String file) {
            this.start = start;
            this.file = file;
        }
    }

    static Use of(Region region) {
        long[] sums = new long[6];
        String home = null;
        List<Mapping> mappings = read();
        for (Mapping mapping : mappings) {
            if (inside(region, mapping) && !mapping.file.startsWith("/memfd:")) {
                home = mapping.file;
            }
        }
        for (Mapping mapping : mappings) {
            if (inside(region, mapping)) {
                sums[0] += mapping.rss;
                sums[1] += mapping.pss;
            } else if (mapping.file.startsWith("/memfd:vellum")) {
                sums[2] += mapping.rss;
            } else if (mapping.file.equals(home)) {
                sums[3] += mapping.anonymous;
                sums[4] += mapping.rss - mapping.anonymous;
            } else if (mapping.file.isEmpty() && mapping.flags.containsAll(Set.of("dd", "dc"))) {
                // Vellum keeps its own memory out of core dumps and forks; nothing else in the JVM does both
                sums[5] += mapping.privateBytes;
            }
        }
        return new Use(sums[0], sums[1], sums[2], region.status().workingBytes() / 1024, sums[3], sums[4], sums[5]);
    }

    private static boolean inside(Region region, Mapping mapping) {
        return mapping.start >= region.address() && mapping.start < region.address() + region.size();
    }

    private static List<Mapping> read() {
        List<Mapping> mappings = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
                Matcher mapping = MAPPING.matcher(line);
                Matcher figure = FIGURE.matcher(line);
                if (mapping.matches()) {
                    mappings.add(new Mapping(Long.parseUnsignedLong(mapping.group(1), 16), mapping.group(3)));
                } else if (figure.matches()) {
                    add(mappings.get(mappings.size() - 1), figure.group(1), Long.parseLong(figure.group(2)));
                } else if (line.startsWith("VmFlags:")) {
                    mappings.get(mappings.size() - 1).flags =
                            Set.of(line.substring(9).strip().split(" "));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read this process's memory map", e);
        }
        return mappings;
    }

    private static void add(Mapping mapping, String figure, long kibibytes) {
        switch (figure) {
            case "Rss" -> mapping.rss = kibibytes;
            case "Pss" -> mapping.pss = kibibytes;
            case "Private_Clean", "Private_Dirty" -> mapping.privateBytes += kibibytes;
            case "Anonymous" -> mapping.anonymous = kibibytes;
            default -> {
                // the others say nothing about a region
            }
        }
    }
}
