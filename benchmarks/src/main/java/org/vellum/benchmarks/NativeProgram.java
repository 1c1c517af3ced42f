// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A benchmark of {@code native/benchmark}: a program of its own, since what is measured lasts microseconds and no JVM must
 * stop a thread meanwhile. Unpacked beside the shared libraries it is linked to.
 */
final class NativeProgram {
    private static final List<String> LIBRARIES = List.of(
            "core",
            "dispatcher",
            "vmm_host",
            "pagetable_host",
            "vmm_kvm",
            "pagetable_guest",
            "strategy_writeprotect",
            "strategy_dirtybit",
            "benchmark_work");

    private final Path executable;

    /** @param folder exists, is empty, and stays as long as this */
    NativeProgram(String name, Path folder) {
        LIBRARIES.forEach(library -> unpack("libvellum_" + library + ".so", folder));
        executable = unpack(name, folder);
        if (!executable.toFile().setExecutable(true)) {
            throw new IllegalStateException(executable + " cannot be made executable");
        }
    }

    private static Path unpack(String name, Path folder) {
        Path file = folder.resolve(name);
        try (InputStream content = NativeProgram.class.getResourceAsStream("/native/" + name)) {
            if (content == null) {
                throw new IllegalStateException(
                        "the benchmarks' jar lacks native/" + name + ": build the project whole");
            }
            Files.copy(content, file);
        } catch (IOException e) {
            throw new UncheckedIOException("native/" + name + " cannot be unpacked to " + file, e);
        }
        return file;
    }

    /** Runs it to its end; what it printed, by lines. */
    List<String> run(List<String> arguments) {
        List<String> command = new ArrayList<>(List.of(executable.toString()));
        command.addAll(arguments);
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            List<String> lines;
            try (BufferedReader reader =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                lines = reader.lines().toList();
            }
            int status = process.waitFor();
            if (status != 0) {
                throw new IllegalStateException(String.join(" ", command) + " ended with status " + status);
            }
            return lines;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot run " + executable, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while " + executable + " ran", e);
        }
    }
}
