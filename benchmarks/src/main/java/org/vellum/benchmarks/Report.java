// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What the benchmarks found: tables as they come, and a line for each bound that must hold, repeated at the end. */
final class Report {
    private final PrintStream out;
    private final boolean markdown;
    private final List<String> verdicts = new ArrayList<>();
    private boolean allHeld = true;

    /** @param markdown whether tables are to be pasted into a document */
    Report(PrintStream out, boolean markdown) {
        this.out = out;
        this.markdown = markdown;
    }

    void heading(String text) {
        out.println();
        out.println("== " + text);
    }

    void note(String text) {
        out.println("   " + text);
    }

    void table(Table table) {
        if (markdown) {
            out.println();
            table.markdown().forEach(out::println);
            out.println();
        } else {
            table.lines().forEach(line -> out.println("   " + line));
        }
    }

    /** A bound on a figure where less is better. */
    void mustHold(String what, double figure, double bound, String unit) {
        boolean held = figure <= bound;
        allHeld &= held;
        verdict(held ? "held" : "NOT HELD", what, figure, bound, unit);
    }

    /** The same bound on a harder yardstick than it is set for: stands among the bounds, decides nothing. */
    void wouldHold(String what, double figure, double bound, String unit) {
        verdict(figure <= bound ? "would hold" : "would not hold", what, figure, bound, unit);
    }

    private void verdict(String word, String what, double figure, double bound, String unit) {
        String verdict = String.format(
                Locale.ROOT,
                "%-14s  %s: %s %s, at most %s",
                word,
                what,
                Distribution.number(figure),
                unit,
                Distribution.number(bound));
        verdicts.add(verdict);
        out.println("   " + verdict);
    }

    /** Ends what a heading began. */
    void took(long nanoseconds) {
        note("took " + Math.round(nanoseconds / 1e9) + " s, preparation included");
    }

    /** Repeats the bounds. True when all held. */
    boolean conclude() {
        if (!verdicts.isEmpty()) {
            heading("Must hold");
            verdicts.forEach(this::note);
        }
        return allHeld;
    }
}
