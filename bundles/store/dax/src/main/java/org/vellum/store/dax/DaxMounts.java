// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.dax;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** The file systems of this host that are mounted with DAX: files there are mapped with MAP_SYNC, or some are. */
final class DaxMounts {
    private static final Path MOUNTS = Path.of("/proc/self/mounts");
    private static final List<String> OPTIONS = List.of("dax", "dax=always", "dax=inode");

    private DaxMounts() {}

    static boolean any() {
        try {
            return any(Files.readAllLines(MOUNTS));
        } catch (IOException e) {
            return false; // then only the folder itself can tell
        }
    }

    /** @param mounts lines as in {@code /proc/self/mounts}: the fourth field has the options */
    static boolean any(List<String> mounts) {
        return mounts.stream()
                .map(line -> line.split(" "))
                .anyMatch(fields ->
                        fields.length > 3 && Arrays.stream(fields[3].split(",")).anyMatch(OPTIONS::contains));
    }
}
