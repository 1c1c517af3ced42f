// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import org.vellum.crash.enumeration.CrashEnumeration;
import org.vellum.crash.enumeration.EnumerationReport;
import org.vellum.crash.enumeration.Figures;
import org.vellum.crash.enumeration.Limits;
import org.vellum.crash.enumeration.Mutation;
import org.vellum.crash.enumeration.Subject;

/** All our subjects, one after the other, and the mutants of their common code. For one thread. */
final class Exhaustive {
    /** Is told how far all of it is. */
    interface Listener {
        /** @param share 0 to 1 */
        void progress(double share, String note);

        void report(String lines);
    }

    /** Mutants are many, and what shows them is near. */
    private static final int MUTANT_UNITS = 6;

    private static final int MUTANT_SAMPLES = 6;
    private static final double SHARE_OF_MUTANTS = 0.2;

    private final Limits limits;
    private final Limits mutantLimits;
    private final Listener listener;
    private Figures figures = Figures.NONE;
    private boolean held = true;

    /**
     * @param limits for each subject; with a time, it is that of all subjects together
     * @param mutantTime for each mutant in each workload at most; most need none of it
     */
    Exhaustive(Limits limits, Duration mutantTime, Listener listener) {
        this.limits = limits;
        this.mutantLimits =
                limits.withSubsets(MUTANT_UNITS, MUTANT_SAMPLES, MUTANT_SAMPLES).withTime(mutantTime);
        this.listener = listener;
    }

    /** Each layer with each workload that it can have. */
    static List<Subject> subjects() {
        List<Subject> subjects = new ArrayList<>();
        for (Layer layer : Layer.values()) {
            for (Workload workload : Workload.values()) {
                if (workload.canBeOn(layer)) {
                    subjects.add(new ImageSubject(layer, workload));
                }
            }
            subjects.add(new RepairSubject(layer));
            subjects.add(new RepairedCopySubject(layer));
            for (Layer other : Layer.values()) {
                subjects.add(new MoveSubject(layer, other));
            }
            subjects.add(new MemoryMoveSubject(layer));
        }
        subjects.add(new InPlaceSubject());
        subjects.add(new MovesSubject());
        return subjects;
    }

    /** @return whether no image was wrong and every mutant was caught */
    boolean run() {
        List<CrashEnumeration> enumerations =
                subjects().stream().map(CrashEnumeration::new).toList();
        long end = limits.time() == null ? 0 : System.nanoTime() + limits.time().toNanos();
        for (int i = 0; i < enumerations.size(); i++) {
            enumerate(enumerations.get(i), i, enumerations.size(), end);
        }
        listener.report("all subjects: " + figures);
        mutate(enumerations);
        return held;
    }

    Figures figures() {
        return figures;
    }

    private void enumerate(CrashEnumeration enumeration, int index, int count, long end) {
        Duration left = limits.time() == null
                ? null
                : Duration.ofNanos(Math.max(1, (end - System.nanoTime()) / (count - index)));
        Figures before = figures;
        EnumerationReport report = enumeration.run(limits.withTime(left), (share, now) -> {
            Figures all = before.plus(now);
            listener.progress(
                    (1 - SHARE_OF_MUTANTS) * (index + share) / count,
                    String.format(
                            Locale.ROOT, "%,d distinct images, %,d violations", all.distinct(), all.violations()));
        });
        figures = figures.plus(report.figures());
        held &= report.violations().isEmpty();
        listener.report(report.toString());
    }

    private void mutate(List<CrashEnumeration> enumerations) {
        int[] done = {0};
        long points = enumerations.stream()
                .flatMap(enumeration -> enumeration.subject().persistPoints().stream())
                .distinct()
                .count();
        Consumer<Mutation.Mutant> told = mutant -> {
            done[0]++;
            listener.progress(1 - SHARE_OF_MUTANTS + SHARE_OF_MUTANTS * done[0] / points, done[0] + " mutants");
        };
        Mutation.Report report = Mutation.run(enumerations, mutantLimits, told);
        held &= report.allCaught();
        listener.report(report.toString());
    }
}
