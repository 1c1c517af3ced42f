// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.vellum.test.tool.Folders;

/** A small file system in memory, for what only happens when one is full or read-only. Needs root. */
final class Mount implements AutoCloseable {
    private static final long SMALL = 160L << 20;
    private static final long SMALLEST_XFS = 300L << 20;

    private final Path point;

    private Mount(Path point) {
        this.point = point;
    }

    /** Why this process cannot mount one, or empty. */
    static Optional<String> obstacle() throws IOException {
        Path trial = Files.createTempDirectory("vellum-mount");
        try {
            mount(trial, "size=64k").close();
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of("no tmpfs can be mounted here: " + e.getMessage());
        } finally {
            Files.delete(trial);
        }
    }

    /** Mounts a tmpfs with these options. */
    static Mount mount(Path point, String options) throws IOException {
        Files.createDirectories(point);
        run(List.of("mount", "-t", "tmpfs", "-o", options, "vellum-test", point.toString()));
        return new Mount(point);
    }

    /** Why this process cannot mount a file system of this kind on a file, or empty. */
    static Optional<String> obstacle(String fileSystem) throws IOException {
        if (fileSystem.equals("tmpfs")) {
            return obstacle();
        }
        Path trial = Files.createTempDirectory("vellum-mount");
        try {
            mountFile(trial.resolve("point"), fileSystem).close();
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of("no " + fileSystem + " can be mounted here: " + e.getMessage());
        } finally {
            Folders.delete(trial);
        }
    }

    /** Makes a file system of this kind on a sparse file beside the point, and mounts that. */
    static Mount mountFile(Path point, String fileSystem) throws IOException {
        Files.createDirectories(point);
        long size = fileSystem.equals("xfs") ? SMALLEST_XFS : SMALL;
        if (fileSystem.equals("tmpfs")) {
            return mount(point, "size=" + size);
        }
        Path disk = point.resolveSibling(point.getFileName() + ".disk");
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(size);
        }
        run(List.of("mkfs." + fileSystem, fileSystem.equals("btrfs") ? "-f" : "-q", disk.toString()));
        run(List.of("mount", "-o", "loop", disk.toString(), point.toString()));
        return new Mount(point);
    }

    void makeReadOnly() throws IOException {
        run(List.of("mount", "-o", "remount,ro", point.toString()));
    }

    Path point() {
        return point;
    }

    @Override
    public void close() throws IOException {
        run(List.of("umount", point.toString()));
    }

    private static void run(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
        if (process.onExit().join().exitValue() != 0) {
            throw new IOException(String.join(" ", command) + ": " + output);
        }
    }
}
