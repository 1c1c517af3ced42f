// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.demo;

import java.util.List;
import java.util.Locale;
import org.vellum.launcher.command.ProviderSelection;
import org.vellum.launcher.console.Console;
import org.vellum.launcher.console.Console.Style;

/** What a reader wants to know at the end of a demo. */
final class DemoReport {
    private final Console console;
    private final ProviderSelection selection;
    private final List<Life> lives;
    private final Demo.Comparison comparison;

    DemoReport(Console console, ProviderSelection selection, List<Life> lives, Demo.Comparison comparison) {
        this.console = console;
        this.selection = selection;
        this.lives = lives;
        this.comparison = comparison;
    }

    void print(int plannedKills, long indexNanoseconds, long compareNanoseconds) {
        Life last = lives.get(lives.size() - 2);
        long kills = lives.stream().filter(life -> life.killedAt != 0).count();
        console.line(Style.HEADING, "Result");
        List<String> providers = lives.stream()
                .map(life -> life.providers)
                .filter(names -> !names.isEmpty())
                .distinct()
                .toList();
        row("providers", "%s", String.join(" and ", providers));
        providers.stream()
                .flatMap(inForce -> selection.unmet(inForce).stream())
                .distinct()
                .forEach(sentence -> console.line(Style.WARNING, "  " + sentence));
        row(
                "files",
                "%,d, %,d of them text%s",
                last.number("done"),
                last.number("text"),
                last.skipped() == 0 ? "" : ", " + last.skipped() + " unreadable");
        row("words", "%,d", comparison.words());
        row("distinct words", "%,d", comparison.distinct());
        row("commits", "%,d acknowledged, %,d epochs", sum("commits"), comparison.epoch());
        row("kills", "%d of %d", kills, plannedKills);
        row("time", "%.1f s of indexing, %.1f s of comparing", seconds(indexNanoseconds), seconds(compareNanoseconds));
        row(
                "time lost to kills",
                "%.1f s: %.1f s to start again, %.2f s of work redone",
                seconds(restart() + redone()),
                seconds(restart()),
                seconds(redone()));
        row(
                "bytes logged",
                "%,d: %.2f for each byte stored, %.2f for each byte of the lines changed",
                sum("logged"),
                ratio("logged", "stored"),
                ratio("logged", "changed"));
        long addresses = lives.stream()
                .map(life -> life.address)
                .filter(a -> !a.isEmpty())
                .distinct()
                .count();
        row(
                "region address",
                "0x%s, %s",
                last.address,
                addresses == 1 ? "the same in all " + lives.size() + " runs" : "but others in other runs");
        verdict(kills == plannedKills, "all kills struck", "not all kills struck: the index was finished before");
        verdict(addresses == 1, "same address in every run", "the address changed between runs");
        verdict(
                comparison.differences() == 0,
                "every word and every count equals the fresh count",
                comparison.differences() + " differences from the fresh count");
    }

    private void row(String label, String format, Object... values) {
        console.line(String.format(Locale.ROOT, "  %-20s", label) + String.format(Locale.ROOT, format, values));
    }

    private void verdict(boolean held, String good, String bad) {
        console.line(held ? Style.GOOD : Style.BAD, (held ? "held: " : "FAILED: ") + (held ? good : bad));
    }

    private long sum(String field) {
        return lives.stream().mapToLong(life -> life.number(field)).sum();
    }

    private double ratio(String numerator, String denominator) {
        return (double) sum(numerator) / Math.max(1, sum(denominator));
    }

    /** From each kill to the moment its successor had the region open. */
    private long restart() {
        long total = 0;
        for (int i = 0; i + 1 < lives.size(); i++) {
            if (lives.get(i).killedAt != 0) {
                total += lives.get(i + 1).openedAt - lives.get(i).killedAt;
            }
        }
        return total;
    }

    /** What each killed process had done since its last commit: its successor does it again. */
    private long redone() {
        return lives.stream()
                .filter(life -> life.killedAt != 0)
                .mapToLong(life -> life.killedAt - life.lastCommitAt)
                .sum();
    }

    private static double seconds(long nanoseconds) {
        return nanoseconds / 1e9;
    }
}
