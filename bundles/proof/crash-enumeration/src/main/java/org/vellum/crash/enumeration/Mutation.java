// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Shows that an enumeration would notice: for each persist point of a store, a run with that one left out, which must end
 * in a violation. A point that no workload and no recovery reaches is a failure too.
 *
 * <p>Left out means that it is not recorded, so nothing becomes durable by it; what the store does is the same.
 */
public final class Mutation {
    private Mutation() {}

    /** What became of a mutant. */
    public enum Fate {
        CAUGHT,
        /** Every image held what it may hold: either the point does nothing, or the workloads do not show what. */
        NOT_CAUGHT,
        /** Nothing passed there. */
        NOT_REACHED
    }

    /**
     * One persist point left out.
     *
     * @param images how many were examined
     * @param violation the first, or null
     */
    public record Mutant(String point, Fate fate, long images, Violation violation) {
        @Override
        public String toString() {
            return point + ": " + fate.name().toLowerCase(Locale.ROOT).replace('_', ' ') + ", " + images + " images"
                    + (violation == null ? "" : ", " + violation.subject() + ": " + violation.sentence());
        }
    }

    /** All mutants of a store. */
    public record Report(List<Mutant> mutants) {
        public Report {
            mutants = List.copyOf(mutants);
        }

        /** How many there are of a kind. */
        public long count(Fate fate) {
            return mutants.stream().filter(mutant -> mutant.fate() == fate).count();
        }

        public boolean allCaught() {
            return count(Fate.CAUGHT) == mutants.size();
        }

        @Override
        public String toString() {
            StringBuilder text = new StringBuilder(String.format(
                    Locale.ROOT,
                    "%d mutants: %d caught, %d not caught, %d not reached",
                    mutants.size(),
                    count(Fate.CAUGHT),
                    count(Fate.NOT_CAUGHT),
                    count(Fate.NOT_REACHED)));
            mutants.stream()
                    .filter(mutant -> mutant.fate() != Fate.CAUGHT)
                    .forEach(mutant ->
                            text.append(System.lineSeparator()).append("  ").append(mutant));
            return text.toString();
        }
    }

    /**
     * Runs all mutants of one store.
     *
     * @param workloads of the same store: a mutant is caught if any that lists its point shows it. What they recovered
     *     before is not recovered again
     * @param listener told of each mutant
     */
    public static Report run(List<CrashEnumeration> workloads, Limits limits, Consumer<Mutant> listener) {
        TreeSet<String> points = new TreeSet<>();
        workloads.forEach(workload -> points.addAll(workload.subject().persistPoints()));
        List<Mutant> mutants = new ArrayList<>();
        for (String point : points) {
            List<CrashEnumeration> passing = workloads.stream()
                    .filter(workload -> workload.subject().persistPoints().contains(point))
                    .toList();
            Mutant mutant = run(passing, point, limits.withViolations(1));
            mutants.add(mutant);
            listener.accept(mutant);
        }
        return new Report(mutants);
    }

    private static Mutant run(List<CrashEnumeration> workloads, String point, Limits limits) {
        long images = 0;
        // most show in the workload itself, where they are quickly found; then in processes that are killed, which are
        // few; the rest only in crashed recoveries
        for (Limits extent : List.of(limits.withNested(0, 1, 0), limits.withNested(0, 1, 1), limits)) {
            for (CrashEnumeration workload : workloads) {
                boolean inWorkload = workload.workload().stream()
                        .anyMatch(event -> event instanceof Event.Persist persist
                                && persist.point().equals(point));
                if (inWorkload || extent.killEvery() > 0) {
                    EnumerationReport report = workload.runWithout(point, extent);
                    images += report.figures().images();
                    if (!report.violations().isEmpty()) {
                        return new Mutant(
                                point, Fate.CAUGHT, images, report.violations().get(0));
                    }
                }
            }
        }
        boolean reached =
                workloads.stream().anyMatch(workload -> workload.points().contains(point));
        return new Mutant(point, reached ? Fate.NOT_CAUGHT : Fate.NOT_REACHED, images, null);
    }
}
