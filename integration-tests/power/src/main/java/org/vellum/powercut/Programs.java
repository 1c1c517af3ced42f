// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** The programs that this harness starts, and whether it can work at all where it is. */
final class Programs {
    private static final String DISK = "/power/vellum_power_disk";
    private static final String LIE = "/power/libvellum_power_lie.so";
    private static final List<String> NEEDED = List.of("unshare", "mkfs.ext4", "e2fsck", "mkfs.xfs", "mkfs.btrfs");

    private static Path folder;

    private Programs() {}

    /** Where they are unpacked to; before anything else is asked. */
    static void unpackTo(Path newFolder) {
        folder = newFolder;
    }

    static Path disk() throws IOException {
        return unpacked(DISK);
    }

    /** To be preloaded. */
    static Path lie() throws IOException {
        return unpacked(LIE);
    }

    private static synchronized Path unpacked(String resource) throws IOException {
        Path path = folder.resolve(resource.substring(resource.lastIndexOf('/') + 1));
        if (!Files.exists(path)) {
            Path part = folder.resolve(
                    path.getFileName() + "." + ProcessHandle.current().pid());
            try (InputStream in = Programs.class.getResourceAsStream(resource)) {
                if (in == null) {
                    throw new IOException(resource + " is not in the jar");
                }
                Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
            }
            if (!part.toFile().setExecutable(true)) {
                throw new IOException(part + " cannot be made executable");
            }
            Files.move(part, path, StandardCopyOption.ATOMIC_MOVE);
        }
        return path;
    }

    /** Why no power can be cut here, in a sentence; empty if it can. */
    static Optional<String> obstacle() {
        if (Kernel.geteuid() != 0) {
            return Optional.of("file systems are mounted, which needs root");
        }
        for (String device : new String[] {"/dev/fuse", "/dev/loop-control"}) {
            if (!Files.exists(Path.of(device))) {
                return Optional.of("there is no " + device);
            }
        }
        for (String program : NEEDED) {
            if (find(program).isEmpty()) {
                return Optional.of("the program " + program + " is missing");
            }
        }
        if (Programs.class.getResource(DISK) == null) {
            return Optional.of(
                    "the recording disk was not built, for lack of libfuse3: install libfuse3-dev and fuse3, then './vellum clean' and once more");
        }
        return privateMounts();
    }

    /** What needs more than being root, in containers. */
    private static Optional<String> privateMounts() {
        try {
            Process process = new ProcessBuilder(
                            "unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt")
                    .redirectErrorStream(true)
                    .start();
            String said = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
            return process.waitFor() == 0
                    ? Optional.empty()
                    : Optional.of("nothing can be mounted here: " + said.strip().replace('\n', ' '));
        } catch (IOException e) {
            return Optional.of("nothing can be mounted here: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.of("interrupted");
        }
    }

    private static Optional<Path> find(String program) {
        String path = System.getenv().getOrDefault("PATH", "") + File.pathSeparator + "/usr/sbin" + File.pathSeparator
                + "/sbin";
        for (String entry : path.split(File.pathSeparator)) {
            Path candidate = Path.of(entry.isEmpty() ? "." : entry, program);
            if (Files.isExecutable(candidate)) {
                return Optional.of(candidate);
            }
        }
        return Optional.empty();
    }

    /** What a program that has to end printed; it must end with one of the lowest statuses. */
    static String run(List<String> command, int highestStatus) throws IOException {
        List<String> all = new ArrayList<>(command);
        all.set(0, find(command.get(0)).map(Path::toString).orElse(command.get(0)));
        Process process = new ProcessBuilder(all).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        try {
            if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() > highestStatus) {
                throw new IOException(command.get(0) + " ended with status " + process.exitValue() + ": " + said);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return said;
    }
}
