// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.demo;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.command.ProviderSelection;
import org.vellum.launcher.console.Console;
import org.vellum.launcher.console.Console.Style;
import org.vellum.launcher.console.Progress;
import org.vellum.launcher.framework.ChildJvm;

/** One demo: runs the word index in child JVMs, kills them, and reports. */
final class Demo {
    private static final String APPLICATION = "word-index";
    private static final List<String> FLAGS = List.of("-XX:+UseSerialGC", "-Xshare:auto");
    /** A kill strikes this long at most after the file at which it is due: into the middle of the next ones. */
    private static final long LONGEST_DELAY_NANOSECONDS = 20_000_000;

    private static final Duration POLL = Duration.ofMillis(50);
    private static final int MOST_DIFFERENCES_SHOWN = 20;

    private final Console console;
    private final ProviderSelection selection;
    private final List<String> flags;
    private final List<String> arguments;
    private final int kills;
    private final long seed;
    private final Random random;
    private final List<Life> lives = new ArrayList<>();

    Demo(Console console, ProviderSelection selection, List<String> arguments, int kills, long seed) {
        this.console = console;
        this.selection = selection;
        this.flags = Stream.concat(FLAGS.stream(), selection.flags().stream()).toList();
        this.arguments = arguments;
        this.kills = kills;
        this.seed = seed;
        this.random = new Random(seed);
    }

    /** @return whether everything that was checked held */
    boolean run() throws InterruptedException {
        console.line(Style.HEADING, "Indexing, with " + kills + " kills on the way (--seed " + seed + ")");
        long started = System.nanoTime();
        index();
        long indexed = System.nanoTime();
        console.line("comparing with a fresh count in the heap ...");
        Comparison comparison = compare();
        boolean held = comparison.differences == 0 && killed() == kills && addresses() == 1;
        new DemoReport(console, selection, lives, comparison)
                .print(kills, indexed - started, System.nanoTime() - indexed);
        return held;
    }

    private long killed() {
        return lives.stream().filter(life -> life.killedAt != 0).count();
    }

    private long addresses() {
        return lives.stream()
                .map(life -> life.address)
                .filter(address -> !address.isEmpty())
                .distinct()
                .count();
    }

    private void index() throws InterruptedException {
        long[] moments = null;
        Progress progress = null;
        try {
            while (true) {
                Life life = new Life();
                lives.add(life);
                try (ChildJvm child = start("index", life)) {
                    long files = life.awaitStarted(child);
                    if (progress == null) {
                        console.line("providers " + life.providers + ", region at 0x" + life.address + ", " + files
                                + " files"
                                + (life.firstDone == 0 ? "" : ", " + life.firstDone + " of them done before"));
                        moments = killMoments(life.firstDone, files);
                        progress = console.progress("indexing", Math.max(1, files));
                    }
                    if (runUntilKilled(child, life, moments, progress)) {
                        console.line(
                                Style.WARNING,
                                String.format(
                                        Locale.ROOT,
                                        "SIGKILL %d of %d, at file %d of %d",
                                        killed(),
                                        kills,
                                        life.done(),
                                        files));
                    } else {
                        return;
                    }
                }
            }
        } finally {
            if (progress != null) {
                progress.close();
            }
        }
    }

    /** The counts of done files at which to kill, in order. */
    private long[] killMoments(long done, long files) {
        // the last files are left out, so that every kill finds the child at work
        long span = Math.max(1, (files - done) * 95 / 100);
        return random.longs(kills, 0, span).map(file -> done + file).sorted().toArray();
    }

    /** @return true if it was killed, false if it has finished */
    private boolean runUntilKilled(ChildJvm child, Life life, long[] moments, Progress progress)
            throws InterruptedException {
        int next = (int) killed();
        boolean killIt = next < moments.length;
        while (true) {
            boolean ended = life.awaitDone(killIt ? moments[next] : Long.MAX_VALUE, POLL, child);
            progress.update(life.done(), String.format(Locale.ROOT, "%,d words, %d kills", life.number("words"), next));
            if (ended) {
                life.requireSuccess(child, APPLICATION);
                return false;
            }
            if (killIt && life.done() >= moments[next]) {
                // sleeping is the point here: a moment chosen by chance
                LockSupport.parkNanos((long) (random.nextDouble() * LONGEST_DELAY_NANOSECONDS));
                long now = System.nanoTime();
                child.kill();
                if (life.finished()) {
                    return false;
                }
                life.killedAt = now;
                return true;
            }
        }
    }

    private Comparison compare() throws InterruptedException {
        Life life = new Life();
        try (ChildJvm child = start("check", life)) {
            boolean ended = false;
            while (!ended) {
                ended = life.awaitDone(Long.MAX_VALUE, POLL, child);
            }
            lives.add(life);
            life.differences().stream()
                    .limit(MOST_DIFFERENCES_SHOWN)
                    .forEach(difference -> console.line(Style.BAD, difference));
            if (!life.compared()) {
                life.requireSuccess(child, APPLICATION);
                throw new CommandFailure("the comparison ended without a result" + life.errorText());
            }
            return new Comparison(
                    life.number("distinct"), life.number("words"), life.number("differences"), life.number("epoch"));
        }
    }

    private ChildJvm start(String verb, Life life) {
        List<String> all = new ArrayList<>(Arrays.asList(verb));
        all.addAll(arguments);
        return ChildJvm.start(flags, APPLICATION, all, life::output, life::error);
    }

    /** What the comparison found. */
    record Comparison(long distinct, long words, long differences, long epoch) {}
}
