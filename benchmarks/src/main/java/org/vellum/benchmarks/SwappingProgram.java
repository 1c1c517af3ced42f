// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@code native/benchmark/swapping.c}. */
final class SwappingProgram {
    private final NativeProgram program;

    /** @param folder exists, is empty, and stays as long as this */
    SwappingProgram(Path folder) {
        program = new NativeProgram("vellum_swapping_benchmark", folder);
    }

    /** Where the dirty pages lie. */
    enum Pages {
        SPREAD,
        TOGETHER;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** One way of a pair; tuples as the program names them. */
    record Direction(String from, String to) {}

    /**
     * Nanoseconds, a sample a swap: how long the gate was closed, the writer's longest pause, and for how long the two
     * threads waited for a processor meanwhile.
     */
    record Swaps(long[] gates, long[] pauses, long[] waits) {}

    /**
     * The output of one run.
     *
     * @param unavailable tuples that do not work here, with the reason; then there are no swaps
     */
    record Output(Map<String, String> unavailable, Map<Direction, Swaps> swaps) {
        static Output parse(List<String> lines) {
            Map<String, String> unavailable = new LinkedHashMap<>();
            Map<Direction, List<long[]>> samples = new LinkedHashMap<>();
            for (String line : lines) {
                String[] words = line.split("\t", -1);
                switch (words[0]) {
                    case "unavailable" -> unavailable.put(words[1], words[2]);
                    case "sample" ->
                        samples.computeIfAbsent(new Direction(words[1], words[2]), direction -> new ArrayList<>())
                                .add(Arrays.stream(words)
                                        .skip(3)
                                        .mapToLong(Long::parseLong)
                                        .toArray());
                    default -> throw new IllegalArgumentException("not a line of the swapping benchmark: " + line);
                }
            }
            Map<Direction, Swaps> swaps = new LinkedHashMap<>();
            samples.forEach((direction, rows) -> swaps.put(
                    direction,
                    new Swaps(
                            rows.stream().mapToLong(row -> row[0]).toArray(),
                            rows.stream().mapToLong(row -> row[1]).toArray(),
                            rows.stream().mapToLong(row -> row[2]).toArray())));
            return new Output(unavailable, swaps);
        }
    }

    /**
     * Runs it to its end.
     *
     * @param size of the region, in bytes
     * @param pages dirty ones at each swap
     * @param seconds for both ways together
     */
    Output run(long size, int pages, Pages arrangement, long seconds, String first, String second) {
        return Output.parse(program.run(List.of(
                Long.toString(size),
                Integer.toString(pages),
                arrangement.toString(),
                Long.toString(seconds),
                first,
                second)));
    }
}
