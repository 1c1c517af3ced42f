package org.vellum.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

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

    private static boolean overlaps(String line, long from, long to) {
        String[] bounds = line.substring(0, line.indexOf(' ')).split("-");
        return Long.compareUnsigned(Long.parseUnsignedLong(bounds[0], 16), to) < 0
                && Long.compareUnsigned(from, Long.parseUnsignedLong(bounds[1], 16)) < 0;
    }
}
