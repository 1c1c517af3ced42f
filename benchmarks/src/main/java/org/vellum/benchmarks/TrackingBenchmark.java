// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.vellum.benchmarks.TrackingProgram.Epochs;
import org.vellum.benchmarks.TrackingProgram.Output;
import org.vellum.benchmarks.TrackingProgram.Tuple;

/**
 * Tracking by itself, every VMM with every strategy in one process: arming, first stores, cut and collection, without a
 * store behind it. {@link DirtyPagesBenchmark} asks the same of the whole stack.
 *
 * <p>The selection does not apply: what is compared is the providers.
 */
final class TrackingBenchmark implements Benchmark {
    private static final int[] PAGES = {1, 16, 256, 4096};
    private static final long[] SIZES = {64 * Workbench.MIB, Workbench.GIB, 4 * Workbench.GIB};
    private static final long BOUND_SIZE = Workbench.GIB;
    private static final int BOUND_PAGES = 16;
    private static final double BOUND = 1;
    /** Of a measurement's time, for each size and number of pages. */
    private static final int SHARE = 4;

    private static final String HOST = "host";
    private static final String GUEST = "kvm";
    private static final List<String> STRATEGIES = List.of("write-protect", "dirty-bit");

    @Override
    public String name() {
        return "tracking";
    }

    @Override
    public String question() {
        return "What does tracking cost by itself? First stores to random pages and the cut, host against guest";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        TrackingProgram program = new TrackingProgram(Folders.create(workbench.newPath()));
        Table whole = new Table(
                "region", "pages", "host, write-protect", "host, dirty-bit", "kvm, write-protect", "kvm, dirty-bit");
        Table ratios = new Table("region", "pages", "rounds", "write-protect", "dirty-bit", "better against better");
        Table parts = new Table(
                "region",
                "pages",
                "tuple",
                "entry",
                "first stores",
                "cut",
                "stop",
                "close",
                "collect and arm",
                "encode",
                "resume",
                "rest");
        Set<String> missing = new LinkedHashSet<>();
        for (long size : SIZES) {
            Output output = program.run(size, Math.max(1, workbench.budget().toSeconds() / SHARE), PAGES);
            output.unavailable().forEach((tuple, reason) -> missing.add(tuple + " is not measured: " + reason));
            output.epochs().forEach((pages, epochs) -> {
                wholeRow(whole, size, pages, epochs);
                ratioRow(ratios, size, pages, epochs);
                epochs.forEach((tuple, measured) -> partsRow(parts, size, pages, tuple, measured));
                noteLeaves(report, size, pages, epochs);
            });
            if (size == BOUND_SIZE) {
                verdicts(report, output.epochs().get(BOUND_PAGES));
            }
        }
        missing.forEach(report::note);
        report.note("first stores and cut, µs:");
        report.table(whole);
        report.note("kvm against host, round by round; better: the strategy with the lower median on each side:");
        report.table(ratios);
        report.note(
                "parts, medians in µs; stop to resume are parts of the cut, rest is what reaches its code from the mode"
                        + " the thread is in:");
        report.table(parts);
    }

    private static void wholeRow(Table table, long size, int pages, Map<Tuple, Epochs> epochs) {
        List<Object> cells = new ArrayList<>(List.of(sizeName(size), pages));
        for (String vmm : List.of(HOST, GUEST)) {
            for (String strategy : STRATEGIES) {
                Epochs measured = epochs.get(new Tuple(vmm, strategy));
                cells.add(measured == null ? "" : microseconds(measured.tracking()));
            }
        }
        table.row(cells.toArray());
    }

    private static void ratioRow(Table table, long size, int pages, Map<Tuple, Epochs> epochs) {
        List<Object> cells = new ArrayList<>(List.of(sizeName(size), pages));
        cells.add(epochs.values().iterator().next().rounds());
        STRATEGIES.forEach(strategy ->
                cells.add(sameStrategy(epochs, strategy).map(Object::toString).orElse("")));
        cells.add(betterStrategies(epochs).map(Object::toString).orElse(""));
        table.row(cells.toArray());
    }

    private static void partsRow(Table table, long size, int pages, Tuple tuple, Epochs measured) {
        long[] rest = measured.part("cut");
        List<Object> cells = new ArrayList<>(List.of(sizeName(size), pages, tuple));
        for (String part : List.of("entry", "stores", "cut")) {
            cells.add(microseconds(measured.part(part)).median());
        }
        for (String part : List.of("stop", "close", "collect", "encode", "resume")) {
            long[] samples = measured.part(part);
            cells.add(microseconds(samples).median());
            Arrays.setAll(rest, round -> rest[round] - samples[round]);
        }
        cells.add(microseconds(rest).median());
        table.row(cells.toArray());
    }

    /** An epoch in which the thread left guest mode measures more than it should; how many there were must be known. */
    private static void noteLeaves(Report report, long size, int pages, Map<Tuple, Epochs> epochs) {
        epochs.forEach((tuple, measured) -> {
            long left = Arrays.stream(measured.part("left"))
                    .filter(count -> count != 0)
                    .count();
            if (left != 0) {
                report.note(sizeName(size) + ", " + pages + " pages, " + tuple + ": guest mode was left in " + left
                        + " of " + measured.rounds() + " epochs");
            }
        });
    }

    private static void verdicts(Report report, Map<Tuple, Epochs> epochs) {
        String what = "tracking of " + BOUND_PAGES + " pages in " + sizeName(BOUND_SIZE) + ", kvm against host, ";
        String unit = "times as long (median of rounds)";
        betterStrategies(epochs)
                .ifPresent(
                        ratio -> report.mustHold(what + "better strategy against better", ratio.median(), BOUND, unit));
        STRATEGIES.forEach(strategy -> sameStrategy(epochs, strategy)
                .ifPresent(ratio -> report.wouldHold(what + strategy, ratio.median(), BOUND, unit)));
    }

    private static Optional<Distribution> sameStrategy(Map<Tuple, Epochs> epochs, String strategy) {
        return ratio(epochs.get(new Tuple(GUEST, strategy)), epochs.get(new Tuple(HOST, strategy)));
    }

    private static Optional<Distribution> betterStrategies(Map<Tuple, Epochs> epochs) {
        return ratio(better(epochs, GUEST), better(epochs, HOST));
    }

    private static Optional<Distribution> ratio(Epochs guest, Epochs host) {
        return guest == null || host == null
                ? Optional.empty()
                : Optional.of(Distribution.ofRatios(guest.tracking(), host.tracking()));
    }

    /** Of one VMM, whichever strategy has the lower median; null when there is none. */
    private static Epochs better(Map<Tuple, Epochs> epochs, String vmm) {
        return epochs.entrySet().stream()
                .filter(entry -> entry.getKey().vmm().equals(vmm))
                .map(Map.Entry::getValue)
                .min(Comparator.comparingDouble(
                        measured -> microseconds(measured.tracking()).median()))
                .orElse(null);
    }

    private static Distribution microseconds(long[] nanoseconds) {
        return Distribution.ofNanoseconds(nanoseconds, 1e3);
    }

    private static String sizeName(long size) {
        return size >= Workbench.GIB ? size / Workbench.GIB + " GiB" : size / Workbench.MIB + " MiB";
    }
}
