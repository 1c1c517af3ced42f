// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What the kernel says about this process's mounts. */
final class Mounts {
    private static final Path MOUNTS = Path.of("/proc/self/mounts");
    /** Fields of a line: device, mount point, type, options. */
    private static final int POINT = 1;

    private static final int OPTIONS = 3;

    private Mounts() {}

    /** The mount point a folder is below, if no code may be mapped from there; empty too where nobody can tell. */
    static Optional<String> withoutExecution(Path folder) {
        try {
            // names are bytes to the kernel; a byte is a character here
            return withoutExecution(folder.toRealPath(), Files.readAllLines(MOUNTS, StandardCharsets.ISO_8859_1));
        } catch (IOException | RuntimeException e) {
            return Optional.empty();
        }
    }

    /** @param lines as in {@code /proc/self/mounts}; of two mounts at one place the later counts */
    static Optional<String> withoutExecution(Path folder, List<String> lines) {
        String best = null;
        boolean noexec = false;
        for (String line : lines) {
            String[] fields = line.split(" ");
            if (fields.length <= OPTIONS) {
                continue;
            }
            String point = fields[POINT].replace("\\040", " ");
            if (folder.startsWith(point) && (best == null || point.length() >= best.length())) {
                best = point;
                noexec = List.of(fields[OPTIONS].split(",")).contains("noexec");
            }
        }
        return noexec ? Optional.of(best) : Optional.empty();
    }
}
