package org.vellum.launcher.crashtest;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.command.ProviderSelection;
import org.vellum.launcher.console.Console;
import org.vellum.launcher.console.Console.Style;
import org.vellum.launcher.console.Progress;

/**
 * One soak: processes one after another that swap all the while and are killed at random, each of which checks what its
 * predecessor left; then one that is left alone for longer, to see whether it grows.
 */
final class Soak {
    private static final long LOG_SIZE = 1 << 20;
    private static final long SHORTEST_LIFE_NANOSECONDS = 200_000_000;
    private static final long LONGEST_LIFE_NANOSECONDS = 7_000_000_000L;
    /** How much of the run belongs to the last process. */
    private static final double LAST_SHARE = 0.15;
    private static final Duration SHORTEST_LAST_LIFE = Duration.ofSeconds(15);
    /** All there from the start, so that what a process grows by is something else. */
    private static final List<String> HEAP = List.of("-Xms128m", "-Xmx128m", "-XX:+AlwaysPreTouch");

    private static final int BANK_THREADS = 4;
    private static final int INSTANT_CHAINS = 4;

    private final Console console;
    private final Path folder;
    private final List<String> flags;
    private final List<String> arguments = new ArrayList<>();
    private final long seed;
    private final Duration duration;
    private final Random random;
    private final SoakFigures figures = new SoakFigures();
    private final Subject bank = new Subject("bank", "bank", BANK_THREADS);
    private final Subject instant = new Subject("instant", "one instant", INSTANT_CHAINS);
    private final List<String> failures = new ArrayList<>();
    private int kills;
    private int started;

    Soak(Console console, Path folder, ProviderSelection selection, long size, long seed, Duration duration) {
        this.console = console;
        this.folder = folder;
        this.flags = new ArrayList<>(HEAP);
        this.flags.addAll(selection.flags());
        // so that there are two stores of the same files
        this.flags.add("-D" + ProviderSelection.EMULATE_DAX + "=true");
        this.seed = seed;
        this.duration = duration;
        this.random = new Random(seed);
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
        Duration lastLife = Duration.ofNanos((long) (duration.toNanos() * LAST_SHARE));
        lastLife = lastLife.compareTo(SHORTEST_LAST_LIFE) < 0 ? SHORTEST_LAST_LIFE : lastLife;
        long killing = duration.minus(lastLife).toNanos();
        try (Victims victims = new Victims(1, this::start);
                Progress progress = console.progress("swapping", 1000)) {
            for (int number = 0; failures.isEmpty() && System.nanoTime() - start < killing; number++) {
                long life = SHORTEST_LIFE_NANOSECONDS
                        + (long) (random.nextDouble() * (LONGEST_LIFE_NANOSECONDS - SHORTEST_LIFE_NANOSECONDS));
                liveOnce(victims.next(), number % 2 == 0 ? bank : instant, Duration.ofNanos(life));
                progress.update(
                        1000 * (System.nanoTime() - start) / duration.toNanos(),
                        figures.swaps() + " swaps, " + kills + " kills");
            }
            if (failures.isEmpty()) {
                figures.forgetHoldings();
                liveOnce(victims.next(), bank, lastLife);
                checkHoldings();
            }
            for (Subject subject : List.of(bank, instant)) {
                if (failures.isEmpty()) {
                    verify(victims.next(), subject);
                }
            }
        }
    }

    private Victim start() {
        return new Victim("soak", flags, arguments, folder.resolve("plan-" + ++started), figures::take);
    }

    private void liveOnce(Victim started, Subject subject, Duration life) throws IOException, InterruptedException {
        try (Victim victim = started) {
            victim.go(subject, seed, new KillPlan.Kill(Optional.empty(), 0, 0, life.toNanos()));
            OptionalInt status = victim.awaitEndOrKill(life);
            learn(victim, subject);
            if (Victim.wasKilled(status)) {
                kills++;
                subject.kills++;
            } else if (victim.violations().isEmpty()) {
                failures.add("the application ended by itself with status " + status.orElse(-1) + victim.errorText());
            }
        }
    }

    private void verify(Victim started, Subject subject) throws IOException, InterruptedException {
        try (Victim victim = started) {
            Optional<String> failure = victim.check(subject, seed);
            learn(victim, subject);
            failure.ifPresent(failures::add);
        }
    }

    private void learn(Victim victim, Subject subject) {
        victim.violations().forEach(violation -> failures.add(subject.description + ": " + violation));
    }

    private void checkHoldings() {
        Map<String, long[]> holdings = figures.holdings();
        if (holdings.isEmpty()) {
            failures.add("the last process did not live long enough to count what it holds");
        }
        holdings.forEach((name, held) -> {
            if (SoakFigures.isLeak(name, held)) {
                failures.add("the last process grew: " + name + " " + held[0] + " after its first swaps, " + held[1]
                        + " at its end");
            }
        });
    }

    private void report(long nanoseconds) {
        console.line(Style.HEADING, "Result");
        row("swaps", String.format(Locale.ROOT, "%d in %.0f s: %d by request, %d by bundles that came and went",
                figures.swaps(), nanoseconds / 1e9, figures.requested(), figures.replaced()));
        row("refused", Long.toString(figures.refused()));
        figures.refusals().forEach(refusal -> row("", refusal));
        row("kills", Integer.toString(kills));
        bank.print(console::line);
        instant.print(console::line);
        row("longest gate", milliseconds(figures.longestGate()));
        row("stalls", "median " + milliseconds(figures.stall(0.5)) + ", 99th percentile "
                + milliseconds(figures.stall(0.99)) + ", longest " + milliseconds(figures.stall(1)));
        figures.holdings().forEach((name, held) -> row(
                "  " + name, held[0] + " after the last process's first swaps, " + held[1] + " at its end"));
        if (failures.isEmpty()) {
            console.line(Style.GOOD, "held: no store is lost, no thread got stuck, no process grew");
        } else {
            failures.forEach(failure -> console.line(Style.BAD, "FAILED: " + failure));
            console.line("the regions are kept in " + folder + "; repeat with --seed " + seed);
        }
    }

    private static String milliseconds(long nanoseconds) {
        return String.format(Locale.ROOT, "%.1f ms", nanoseconds / 1e6);
    }

    private void row(String label, String value) {
        console.line(String.format(Locale.ROOT, "  %-20s%s", label, value));
    }
}
