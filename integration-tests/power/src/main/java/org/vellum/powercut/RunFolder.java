// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import com.sun.jna.LastErrorException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/**
 * Where things are while power is cut. File systems are always mounted at the same place, for images remember where they are;
 * each process sees its own mounts only.
 *
 * @param path the folder
 */
record RunFolder(Path path) {
    /** Of a recording in it. */
    static RunFolder of(Path recording) {
        return new RunFolder(recording.toAbsolutePath().normalize().getParent());
    }

    Path mountPoint() {
        return path.resolve("m");
    }

    Path diskPoint() {
        return path.resolve("disk");
    }

    Path programs() {
        return path.resolve("programs");
    }

    /** In memory, for images. */
    Path memory() {
        return path.resolve("memory");
    }

    Path recording(int number) {
        return path.resolve("recording-" + number);
    }

    boolean isEmpty() throws IOException {
        if (!Files.exists(path)) {
            return true;
        }
        try (Stream<Path> files = Files.list(path)) {
            return files.findAny().isEmpty();
        }
    }

    /** Once, by the process whose mounts all others begin with. */
    void prepare() throws IOException {
        for (Path folder : new Path[] {mountPoint(), diskPoint(), programs(), memory()}) {
            Files.createDirectories(folder);
        }
        Programs.unpackTo(programs());
        try {
            Kernel.mount("tmpfs", memory().toString(), "tmpfs", 0, "");
        } catch (LastErrorException e) {
            throw new IOException("no tmpfs can be mounted at " + memory() + ": " + e.getMessage(), e);
        }
    }

    static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
    }
}
