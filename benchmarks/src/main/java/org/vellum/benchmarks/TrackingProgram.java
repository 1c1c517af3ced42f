// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code native/benchmark/tracking.c}.
 */
final class TrackingProgram {
    private final NativeProgram program;

    /** @param folder exists, is empty, and stays as long as this */
    TrackingProgram(Path folder) {
        program = new NativeProgram("vellum_tracking_benchmark", folder);
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

        /** Nanoseconds of first stores and cut, all of it: what an epoch costs before anything is written. */
        long[] tracking() {
            long[] stores = part("stores");
            long[] cut = part("cut");
            long[] whole = new long[rounds.size()];
            Arrays.setAll(whole, round -> stores[round] + cut[round]);
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
                    case "sample" ->
                        output.epochs
                                .computeIfAbsent(Integer.valueOf(words[3]), pages -> new LinkedHashMap<>())
                                .computeIfAbsent(new Tuple(words[1], words[2]), tuple -> new Epochs(List.copyOf(parts)))
                                .add(Arrays.stream(words)
                                        .skip(4)
                                        .mapToLong(Long::parseLong)
                                        .toArray());
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
        List<String> arguments = new ArrayList<>(List.of(Long.toString(size), Long.toString(seconds)));
        Arrays.stream(pages).mapToObj(Integer::toString).forEach(arguments::add);
        return Output.parse(program.run(arguments));
    }
}
