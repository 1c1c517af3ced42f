// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What the kernel says is mapped in this process. */
final class ProcessMappings {
    private static final Path MAPPINGS = Path.of("/proc/self/maps");

    private ProcessMappings() {}

    /** The mappings that overlap a range, as the kernel prints them. For messages: says so when it cannot tell. */
    static String overlapping(long address, long length) {
        List<String> lines;
        try {
            lines = Files.readAllLines(MAPPINGS);
        } catch (IOException e) {
            return "(" + MAPPINGS + " cannot be read: " + e.getMessage() + ")";
        }
        String found = String.join(
                ", ",
                lines.stream()
                        .filter(line -> overlaps(line, address, address + length))
                        .map(line -> "'" + line.replaceAll("\\s+", " ") + "'")
                        .toList());
        return found.isEmpty() ? "nothing any more" : found;
    }

    /**
     * The home image of the open region that has a part of a range; of one all of whose blocks were stored to, a word for it.
     * Empty: no region is there.
     */
    static Optional<String> regionIn(long address, long length) {
        List<String> lines;
        try {
            lines = Files.readAllLines(MAPPINGS);
        } catch (IOException e) {
            return Optional.empty();
        }
        List<String> there = lines.stream()
                .filter(line -> overlaps(line, address, address + length))
                .map(line -> line.split("\\s+", 6))
                .filter(fields -> fields.length == 6)
                .map(fields -> fields[5])
                .toList();
        return there.stream()
                .filter(path -> path.endsWith(".vellum"))
                .findFirst()
                .or(() -> there.stream()
                        .filter(path -> path.startsWith("/memfd:vellum-working"))
                        .findFirst()
                        .map(path -> "another region"));
    }

    private static boolean overlaps(String line, long from, long to) {
        String[] bounds = line.substring(0, line.indexOf(' ')).split("-");
        return Long.compareUnsigned(Long.parseUnsignedLong(bounds[0], 16), to) < 0
                && Long.compareUnsigned(from, Long.parseUnsignedLong(bounds[1], 16)) < 0;
    }
}
