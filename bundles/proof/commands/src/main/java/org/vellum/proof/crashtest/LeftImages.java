// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The regions' files as the last process to be killed left them: opening them recovers them, which may hide what was
 * wrong with them.
 */
final class LeftImages {
    private static final String IMAGE = ".vellum";

    private final Path regions;
    private final Path kept;

    /** @param regions where the regions' files are; the copies go into a folder in it */
    LeftImages(Path regions) {
        this.regions = regions;
        this.kept = regions.resolve("left");
    }

    /** Replaces what was kept before. No process may have the regions open. */
    void keep() throws IOException {
        forget();
        List<Path> files;
        try (Stream<Path> all = Files.walk(regions)) {
            files = all.filter(file -> file.getFileName().toString().contains(IMAGE))
                    .filter(Files::isRegularFile)
                    .toList();
        }
        for (Path file : files) {
            Path copy = kept.resolve(regions.relativize(file));
            Files.createDirectories(copy.getParent());
            Files.copy(file, copy);
        }
    }

    void forget() {
        if (Files.exists(kept)) {
            RunFolder.delete(kept);
        }
    }

    /** The commands by which to look at a region's, for people: those that were kept, and those that are there now. */
    List<String> howToLook(String region) throws IOException {
        try (Stream<Path> all = Files.walk(regions)) {
            return all.filter(file -> file.getFileName().toString().equals(region + IMAGE))
                    .sorted()
                    .map(file -> (file.startsWith(kept)
                                    ? "as its last process left it:    "
                                    : "as the failing check found it:  ")
                            + "./vellum verify " + file)
                    .toList();
        }
    }
}
