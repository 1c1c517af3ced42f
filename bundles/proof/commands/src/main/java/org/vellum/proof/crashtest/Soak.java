// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.command.ProviderSelection;
import org.vellum.launcher.console.Console;
import org.vellum.launcher.console.Console.Style;
import org.vellum.launcher.console.Progress;
import org.vellum.proof.crashtest.SoakPlan.Life;

/**
 * One soak: processes one after another that swap all the while and are killed at random, each of which checks what its
 * predecessor left. Some live longer, and are counted, to see whether they grow; the last one is one of them.
 */
final class Soak {
    private static final long LOG_SIZE = 1 << 20;
    /** Longer than a life of the most swaps takes on a machine that is ten times slower. */
    private static final Duration LONGEST_LIFE = Duration.ofMinutes(10);
    /**
     * A process says something every second, once its region is open. One that does not has no thread that runs, or its
     * JVM waits for a safepoint; its own watchdog would have spoken before.
     */
    private static final Duration LONGEST_SILENCE = Duration.ofSeconds(75);
    /** All there from the start, so that what a process grows by is something else. */
    private static final List<String> HEAP = List.of("-Xms64m", "-Xmx64m", "-XX:+AlwaysPreTouch");

    private static final String JAVA_THREADS = "java-threads.txt";
    private static final String KERNEL_THREADS = "kernel-threads.txt";
    private static final int STARTED_AHEAD = 1;
    private static final int BANK_THREADS = 4;
    private static final int INSTANT_CHAINS = 4;

    private final Console console;
    private final Path folder;
    private final List<String> flags;
    private final List<String> arguments = new ArrayList<>();
    private final long seed;
    private final SoakPlan plan;
    private final Duration killing;
    private final Duration lastLife;
    private final SoakFloor floor;
    private final LeftImages images;
    private final SoakFigures figures = new SoakFigures();
    private final Subject bank = new Subject("bank", "bank", BANK_THREADS);
    private final Subject instant = new Subject("instant", "one instant", INSTANT_CHAINS);
    private final List<String> failures = new ArrayList<>();
    /** Of the processes that were counted, those that it is told of. */
    private final List<String> counted = new ArrayList<>();

    private Subject failed;
    private List<String> howToLook = List.of();
    private int kills;
    private int killsInASwap;
    private int started;

    /**
     * @param life the seed of every process; empty: each has its own
     * @param killing for how long processes are killed
     * @param lastLife how long the last one lives then, at least
     * @param floor what must have happened in the end
     */
    Soak(
            Console console,
            Path folder,
            ProviderSelection selection,
            long size,
            long seed,
            OptionalLong life,
            Duration killing,
            Duration lastLife,
            SoakFloor floor) {
        this.console = console;
        this.folder = folder;
        this.flags = new ArrayList<>(HEAP);
        this.flags.addAll(selection.flags());
        // so that there are two stores of the same files
        this.flags.add("-D" + ProviderSelection.EMULATE_DAX + "=true");
        this.seed = seed;
        this.plan = new SoakPlan(seed, life);
        this.killing = killing;
        this.lastLife = lastLife;
        this.floor = floor;
        this.images = new LeftImages(folder);
        arguments.addAll(selection.arguments());
        // the later one counts
        arguments.addAll(List.of("--size", Long.toString(size), "--log-size", Long.toString(LOG_SIZE)));
        arguments.addAll(List.of("--directory", folder.toString()));
    }

    /** @return whether everything that was checked held */
    boolean run() throws InterruptedException {
        console.line(Style.HEADING, "Soak, --seed " + seed);
        long start = System.nanoTime();
        try {
            live(start);
        } catch (IOException e) {
            throw new CommandFailure("soak in " + folder + ": " + e, e);
        }
        report(System.nanoTime() - start);
        return failures.isEmpty();
    }

    private void live(long start) throws IOException, InterruptedException {
        try (Victims victims = new Victims(STARTED_AHEAD, this::start);
                Progress progress = console.progress("swapping", 1000)) {
            int number = 1;
            for (; failures.isEmpty() && System.nanoTime() - start < killing.toNanos(); number++) {
                liveOnce(victims.next(), number % 2 != 0 ? bank : instant, plan.life(number), LONGEST_LIFE);
                progress.update(
                        1000
                                * (System.nanoTime() - start)
                                / killing.plus(lastLife).toNanos(),
                        figures.swaps() + " swaps, " + kills + " kills");
            }
            if (failures.isEmpty()) {
                liveOnce(victims.next(), bank, plan.lastLife(number), lastLife);
            }
            for (Subject subject : List.of(bank, instant)) {
                if (failures.isEmpty()) {
                    verify(victims.next(), subject);
                }
            }
        }
        if (failures.isEmpty()) {
            floor.shortfalls(figures.swaps(), kills, (System.nanoTime() - start) / 1e9)
                    .forEach(shortfall -> fail(bank, shortfall));
        }
        if (failures.isEmpty()) {
            images.forget();
        } else {
            howToLook = images.howToLook(failed.name);
        }
    }

    private Victim start() {
        return new Victim("soak", flags, arguments, folder.resolve("plan-" + ++started), figures::take);
    }

    /** @param enough after which it is killed from outside, if it has not killed itself */
    private void liveOnce(Victim started, Subject subject, Life life, Duration enough)
            throws IOException, InterruptedException {
        try (Victim victim = started) {
            images.keep();
            figures.begin();
            victim.go(subject, seed, life.assignment());
            boolean well = awaitEnd(victim, enough);
            OptionalInt status = victim.awaitEndOrKill(Duration.ZERO);
            learn(victim, subject, life.toString());
            if (!well) {
                fail(subject, life + " is stuck: " + stuckText(victim));
            } else if (Victim.wasKilled(status)) {
                kills++;
                killsInASwap += figures.endedInASwap() ? 1 : 0;
                subject.kills++;
                subject.lastLife = life + ", which ended with " + String.join("; ", figures.recentSwaps());
            } else if (victim.violations().isEmpty()) {
                fail(
                        subject,
                        life + " ended by itself with status " + status.orElse(-1) + " after "
                                + String.join("; ", figures.recentSwaps()) + victim.errorText());
            }
            if (life.counted()) {
                judgeGrowth(life, subject);
            }
        }
    }

    /**
     * Waits until it has killed itself, or has lived for {@code enough} and been counted often enough.
     *
     * @return whether it was well until then
     */
    private boolean awaitEnd(Victim victim, Duration enough) throws IOException, InterruptedException {
        long start = System.nanoTime();
        while (victim.awaitEnd(Duration.ofMillis(20)).isEmpty()) {
            long age = System.nanoTime() - start;
            if (age > enough.toNanos() && figures.holdings().size() >= Growth.FEWEST_COUNTS) {
                return true;
            }
            if (age > LONGEST_LIFE.toNanos() || !figures.stuck().isEmpty() || victim.isSilent(LONGEST_SILENCE)) {
                KernelThreads.write(victim.pid(), folder.resolve(KERNEL_THREADS));
                return false;
            }
        }
        return true;
    }

    private String stuckText(Victim victim) {
        String who = figures.stuck().isEmpty()
                ? "the process said nothing for " + LONGEST_SILENCE.toSeconds() + " s"
                : "no progress of " + figures.stuck() + " (" + folder.resolve(JAVA_THREADS) + ")";
        return who + ", after " + String.join("; ", figures.recentSwaps()) + "; the kernel's view is in "
                + folder.resolve(KERNEL_THREADS) + victim.errorText();
    }

    private void verify(Victim started, Subject subject) throws IOException, InterruptedException {
        try (Victim victim = started) {
            images.keep();
            victim.check(subject, seed).ifPresent(failure -> fail(subject, failure));
            learn(victim, subject, "the last check");
        }
    }

    private void learn(Victim victim, Subject subject, String who) {
        victim.violations()
                .forEach(violation -> fail(
                        subject,
                        subject.description + ": " + violation + "; found by " + who + ", left by "
                                + subject.lastLife));
    }

    private void fail(Subject subject, String sentence) {
        failed = subject;
        failures.add(sentence);
    }

    private void judgeGrowth(Life life, Subject subject) {
        List<Map<String, Long>> holdings = figures.holdings();
        if (holdings.size() < Growth.FEWEST_COUNTS) {
            return; // it failed otherwise
        }
        counted.add("  life " + life.number() + " in " + holdings.size() + " counts: " + Growth.text(holdings));
        Growth.leaks(holdings).forEach(leak -> fail(subject, life + " grew: " + leak));
    }

    private void report(long nanoseconds) {
        double seconds = nanoseconds / 1e9;
        console.line(Style.HEADING, "Result");
        row(
                "swaps",
                String.format(
                        Locale.ROOT,
                        "%d in %.0f s, %.1f a second",
                        figures.swaps(),
                        seconds,
                        figures.swaps() / seconds));
        figures.swapsBy().forEach((by, count) -> row("  " + by, Long.toString(count)));
        row("  nothing to swap", Long.toString(figures.unchanged()));
        row("  refused", Long.toString(figures.refused()));
        figures.refusals().forEach(refusal -> row("", refusal));
        row("kills", kills + ", " + killsInASwap + " of them in the middle of a swap");
        bank.print(console::line);
        instant.print(console::line);
        row("longest gate", milliseconds(figures.longestGate()));
        row(
                "stalls",
                "median " + milliseconds(figures.stall(50)) + ", 99th percentile " + milliseconds(figures.stall(99))
                        + ", longest " + milliseconds(figures.stall(100)));
        row(
                "longest wait",
                figures.longestWait() == 0
                        ? "each thread did a step in every second"
                        : String.format(
                                Locale.ROOT,
                                "%.0f s without a step of one thread: %s",
                                figures.longestWait() / 1e9,
                                figures.longestWaiting()));
        row("held", "early and late, by the processes that were counted");
        counted.forEach(console::line);
        if (failures.isEmpty()) {
            console.line(Style.GOOD, "held: no store is lost, no thread got stuck, no process grew");
        } else {
            failures.forEach(failure -> console.line(Style.BAD, "FAILED: " + failure));
            console.line("the regions are kept in " + folder + ":");
            howToLook.forEach(line -> console.line("  " + line));
            console.line("repeat with --seed " + seed + ", or live the same life again and again with --life");
        }
    }

    private static String milliseconds(long nanoseconds) {
        return String.format(Locale.ROOT, "%.1f ms", nanoseconds / 1e6);
    }

    private void row(String label, String value) {
        console.line(String.format(Locale.ROOT, "  %-20s%s", label, value));
    }
}
