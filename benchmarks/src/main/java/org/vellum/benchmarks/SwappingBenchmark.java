// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.vellum.benchmarks.SwappingProgram.Direction;
import org.vellum.benchmarks.SwappingProgram.Output;
import org.vellum.benchmarks.SwappingProgram.Pages;
import org.vellum.benchmarks.SwappingProgram.Swaps;

/**
 * Swaps between every two tuples with a writer beside them, without a store and without Java.
 *
 * <p>The selection does not apply: what is compared is the providers.
 */
final class SwappingBenchmark implements Benchmark {
    private static final List<String> TUPLES =
            List.of("host/write-protect", "host/dirty-bit", "kvm/write-protect", "kvm/dirty-bit");
    private static final int PAGES = 4096;
    private static final double BOUND_MILLISECONDS = 20;
    private static final int PERCENT = 99;
    /** A swap during which the threads waited longer for a processor says more about the machine's load. */
    private static final long DISTURBANCE_NANOSECONDS = 1_000_000;

    /** Of a measurement's time, for a pair whose bound is none that must hold. */
    private static final int SHARE = 4;

    @Override
    public String name() {
        return "swapping";
    }

    @Override
    public String question() {
        return "How long does a writer pause when a provider is swapped? 1 GiB, " + PAGES + " dirty pages";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        SwappingProgram program = new SwappingProgram(Folders.create(workbench.newPath()));
        Table table = new Table(
                "from",
                "to",
                "pages",
                "swaps",
                "gate closed, ms",
                "writer's pause, ms",
                "undisturbed",
                "their pause, ms");
        Set<String> missing = new LinkedHashSet<>();
        for (int first = 0; first < TUPLES.size(); first++) {
            for (int second = first + 1; second < TUPLES.size(); second++) {
                for (Pages arrangement : Pages.values()) {
                    Output output = program.run(
                            Workbench.GIB,
                            PAGES,
                            arrangement,
                            seconds(workbench, TUPLES.get(first), TUPLES.get(second)),
                            TUPLES.get(first),
                            TUPLES.get(second));
                    output.unavailable().forEach((tuple, reason) -> missing.add(tuple + " is not measured: " + reason));
                    output.swaps().forEach((direction, swaps) -> row(table, direction, arrangement, swaps));
                    if (arrangement == Pages.SPREAD) {
                        verdicts(report, output.swaps());
                    }
                }
            }
        }
        missing.forEach(report::note);
        report.note(
                "min / median / 99th percentile / max; spread: each page in a block of its own; undisturbed: neither thread"
                        + " waited for a processor for more than 1 ms:");
        report.table(table);
    }

    private static long seconds(Workbench workbench, String first, String second) {
        long budget = workbench.budget().toSeconds();
        return isSwapOfStrategy(first, second) ? budget : budget / SHARE;
    }

    /** The VMM stays. */
    private static boolean isSwapOfStrategy(String from, String to) {
        return vmm(from).equals(vmm(to));
    }

    private static String vmm(String tuple) {
        return tuple.substring(0, tuple.indexOf('/'));
    }

    private static void row(Table table, Direction direction, Pages arrangement, Swaps swaps) {
        long[] undisturbed = undisturbedPauses(swaps);
        table.row(
                direction.from(),
                direction.to(),
                arrangement,
                swaps.pauses().length,
                milliseconds(swaps.gates()),
                milliseconds(swaps.pauses()),
                undisturbed.length,
                undisturbed.length == 0 ? "" : milliseconds(undisturbed));
    }

    private static long[] undisturbedPauses(Swaps swaps) {
        return IntStream.range(0, swaps.pauses().length)
                .filter(swap -> swaps.waits()[swap] <= DISTURBANCE_NANOSECONDS)
                .mapToLong(swap -> swaps.pauses()[swap])
                .toArray();
    }

    private static String milliseconds(long[] nanoseconds) {
        Distribution distribution = Distribution.ofNanoseconds(nanoseconds, 1e6);
        return String.join(
                " / ",
                Distribution.number(distribution.minimum()),
                Distribution.number(distribution.median()),
                Distribution.number(percentile(nanoseconds)),
                Distribution.number(distribution.maximum()));
    }

    private static double percentile(long[] nanoseconds) {
        return Distribution.percentile(nanoseconds, PERCENT) / 1e6;
    }

    private static void verdicts(Report report, Map<Direction, Swaps> measured) {
        measured.forEach((direction, swaps) -> {
            String what = "pause at the " + PERCENT + "th percentile, " + direction.from() + " to " + direction.to()
                    + ", " + PAGES + " spread pages";
            double pause = percentile(swaps.pauses());
            if (isSwapOfStrategy(direction.from(), direction.to())) {
                report.mustHold(what, pause, BOUND_MILLISECONDS, "ms");
            } else {
                report.wouldHold(what, pause, BOUND_MILLISECONDS, "ms");
            }
        });
    }
}
