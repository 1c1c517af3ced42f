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
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code native/benchmark/tracking.c}: a program of its own, since what is measured lasts microseconds and no JVM must
 * stop a thread meanwhile. Unpacked beside the shared libraries it is linked to.
 */
final class TrackingProgram {
    private static final String EXECUTABLE = "vellum_tracking_benchmark";
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
    TrackingProgram(Path folder) {
        LIBRARIES.forEach(library -> unpack("libvellum_" + library + ".so", folder));
        executable = unpack(EXECUTABLE, folder);
        if (!executable.toFile().setExecutable(true)) {
            throw new IllegalStateException(executable + " cannot be made executable");
        }
    }

    private static Path unpack(String name, Path folder) {
        Path file = folder.resolve(name);
        try (InputStream content = TrackingProgram.class.getResourceAsStream("/native/" + name)) {
            if (content == null) {
                throw new IllegalStateException("the benchmarks' jar lacks native/" + name + ": build the project whole");
            }
            Files.copy(content, file);
        } catch (IOException e) {
            throw new UncheckedIOException("native/" + name + " cannot be unpacked to " + file, e);
        }
        return file;
    }

    /** A VMM and a strategy on the page table that goes with it. */
    record Tuple(String vmm, String strategy) {
        @Override
        public String toString() {
            return vmm + ", " + strategy;
        }
    }

    /** What was measured for one tuple and one number of pages: for each part a sample a round. */
    static final class Epochs {
        private final List<String> parts;
        private final List<long[]> rounds = new ArrayList<>();

        Epochs(List<String> parts) {
            this.parts = parts;
        }

        void add(long[] round) {
            rounds.add(round);
        }

        int rounds() {
            return rounds.size();
        }

        /** @param part as the program names it */
        long[] part(String part) {
            int column = parts.indexOf(part);
            if (column < 0) {
                throw new IllegalArgumentException("no part '" + part + "'; there are: " + parts);
            }
            return rounds.stream().mapToLong(round -> round[column]).toArray();
        }

        /** Nanoseconds of first stores and cut, without comparing and copying what was stored. */
        long[] tracking() {
            long[] stores = part("stores");
            long[] cut = part("cut");
            long[] encode = part("encode");
            long[] whole = new long[rounds.size()];
            Arrays.setAll(whole, round -> stores[round] + cut[round] - encode[round]);
            return whole;
        }
    }

    /**
     * The output of one run.
     *
     * @param unavailable tuples that do not work here, with the reason
     * @param epochs by number of pages and tuple, as they came; samples of one round stand at the same index
     */
    record Output(Map<Tuple, String> unavailable, Map<Integer, Map<Tuple, Epochs>> epochs) {
        static Output parse(List<String> lines) {
            Output output = new Output(new LinkedHashMap<>(), new LinkedHashMap<>());
            List<String> parts = new ArrayList<>();
            for (String line : lines) {
                String[] words = line.split("\t", -1);
                switch (words[0]) {
                    case "unavailable" -> output.unavailable.put(new Tuple(words[1], words[2]), words[3]);
                    case "parts" -> parts.addAll(Arrays.asList(words).subList(1, words.length));
                    case "sample" -> output.epochs
                            .computeIfAbsent(Integer.valueOf(words[3]), pages -> new LinkedHashMap<>())
                            .computeIfAbsent(new Tuple(words[1], words[2]), tuple -> new Epochs(List.copyOf(parts)))
                            .add(Arrays.stream(words).skip(4).mapToLong(Long::parseLong).toArray());
                    default -> throw new IllegalArgumentException("not a line of the tracking benchmark: " + line);
                }
            }
            return output;
        }
    }

    /**
     * Runs it to its end.
     *
     * @param size of each region, in bytes
     * @param seconds for each number of pages
     */
    Output run(long size, long seconds, int... pages) {
        List<String> command = new ArrayList<>(List.of(executable.toString(), Long.toString(size), Long.toString(seconds)));
        Arrays.stream(pages).mapToObj(Integer::toString).forEach(command::add);
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
            return Output.parse(lines);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot run " + executable, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while " + executable + " ran", e);
        }
    }
}
