// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SplittableRandom;
import org.vellum.api.provider.Phase;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.command.ProviderSelection;
import org.vellum.launcher.console.Console;
import org.vellum.launcher.console.Console.Style;
import org.vellum.launcher.console.Progress;

/** One crash test: victims one after another, each of which checks what its predecessor left. */
final class CrashTest {
    /** An aimed kill whose phase does not come becomes one from outside. */
    private static final Duration AIM_TIMEOUT = Duration.ofSeconds(3);
    /** Small, so that it is trimmed often. */
    private static final long LOG_SIZE = 256 << 10;
    /** The share of a run after which phases that were never hit are aimed at first. */
    private static final double URGENT_AFTER = 0.6;
    /** Starting a framework takes far longer than what is done with it, and keeps one processor busy each. */
    private static final int STARTED_AHEAD = 2;

    private static final int BANK_THREADS = 4;
    private static final int INSTANT_CHAINS = 4;

    /** With the power cut at every kill, one in so many is a kill alone: what was on its way then stays on its way. */
    private static final int WITHOUT_A_CUT = 6;
    /** The kills within which a negative control must be caught. */
    private static final int KILLS_OF_A_CONTROL = 20;

    /** What becomes of the regions' files when a process is killed. */
    enum Medium {
        /** The kernel's cache survives, and with it all that was written. */
        KEEPS_ALL,
        /** The power is cut as well: what was not synced is lost, or kept, by chance. */
        LOSSY,
        /** The same, but whoever relies on a sync is deceived: a violation is what is expected. */
        LOSSY_CONTROL
    }

    private final Console console;
    private final Path folder;
    private final Medium medium;
    /** Null, if the medium keeps all. */
    private LossyFolder lossy;

    private LossyFolder.Losses losses = LossyFolder.Losses.NONE;
    private final LeftImages images;
    private final SplittableRandom cuts;
    private int cutsDone;
    private List<String> howToLook = List.of();
    private final Path phaseFile;
    private final ProviderSelection selection;
    private final List<String> arguments = new ArrayList<>();
    private final List<String> flags;
    private final long seed;
    private final Duration longest;
    private final int mostKills;
    private final KillPlan plan;
    private final Map<Phase, Integer> killsByPhase = new EnumMap<>(Phase.class);
    private final Subject bank = new Subject("bank", "bank", BANK_THREADS);
    private final Subject instant = new Subject("instant", "one instant", INSTANT_CHAINS);
    private final List<String> failures = new ArrayList<>();
    /** Every tuple that was in force, by the regions' own account. */
    private final Set<String> providers = new LinkedHashSet<>();

    /** As the regions say; all until one has said it. */
    private Set<Phase> existing = EnumSet.allOf(Phase.class);

    private Subject failed;
    private int kills;
    private int started;
    private long longestOpen;

    CrashTest(
            Console console,
            Path folder,
            Medium medium,
            ProviderSelection selection,
            long size,
            long seed,
            Duration longest,
            int mostKills) {
        this.console = console;
        this.folder = folder;
        this.medium = medium;
        this.images = new LeftImages(folder);
        this.cuts = new SplittableRandom(seed);
        this.phaseFile = folder.resolve("phase");
        this.selection = selection;
        this.seed = seed;
        this.longest = longest;
        this.mostKills = medium == Medium.LOSSY_CONTROL ? Math.min(mostKills, KILLS_OF_A_CONTROL) : mostKills;
        this.plan = new KillPlan(seed);
        arguments.addAll(selection.arguments());
        flags = selection.flags();
        // the later one counts
        arguments.addAll(List.of("--size", Long.toString(size), "--log-size", Long.toString(LOG_SIZE)));
        arguments.addAll(List.of("--directory", folder.toString()));
        if (medium != Medium.KEEPS_ALL) {
            arguments.addAll(List.of("--regions", lossyPath().toString()));
        }
    }

    private Path lossyPath() {
        return folder.resolve("lossy");
    }

    /** @return whether everything that was checked held */
    boolean run() throws InterruptedException {
        console.line(Style.HEADING, "Crash test, --seed " + seed);
        long start = System.nanoTime();
        try {
            if (medium == Medium.KEEPS_ALL) {
                strike(start);
            } else {
                strikeOnLossyFiles(start);
            }
        } catch (IOException e) {
            throw new CommandFailure("crash test in " + folder + ": " + e, e);
        }
        return report(System.nanoTime() - start);
    }

    private void strikeOnLossyFiles(long start) throws IOException, InterruptedException {
        try (LossyFolder mounted = LossyFolder.mount(lossyPath(), medium == Medium.LOSSY_CONTROL)) {
            lossy = mounted;
            strike(start);
            if (failures.isEmpty()) {
                images.forget();
            } else {
                mounted.copyTo(folder.resolve("found"));
            }
        }
        if (!failures.isEmpty()) {
            howToLook = images.howToLook(failed.name);
        }
    }

    private void strike(long start) throws IOException, InterruptedException {
        try (Victims victims = new Victims(STARTED_AHEAD, this::start);
                Progress progress = console.progress("killing", 1000)) {
            for (int number = 0;
                    failures.isEmpty() && killsThatCount() < mostKills && elapsedShare(start) < 1;
                    number++) {
                // an even share each, and over the deck's odd length each card meets both
                Subject subject = number % 2 == 0 ? bank : instant;
                try (Victim victim = victims.next()) {
                    killOnce(victim, subject, plan.next(existing, urgent(start)));
                }
                double share = Math.max(elapsedShare(start), (double) killsThatCount() / mostKills);
                progress.update((long) (1000 * share), kills + " kills");
            }
            for (Subject subject : List.of(bank, instant)) {
                if (failures.isEmpty()) {
                    try (Victim victim = victims.next()) {
                        verify(victim, subject);
                    }
                }
            }
        }
    }

    /** A kill alone counts for nothing where the power is to be cut. */
    private int killsThatCount() {
        return medium == Medium.KEEPS_ALL ? kills : cutsDone;
    }

    private double elapsedShare(long start) {
        return (double) (System.nanoTime() - start) / longest.toNanos();
    }

    private Set<Phase> urgent(long start) {
        Set<Phase> missing = EnumSet.copyOf(existing);
        missing.removeAll(killsByPhase.keySet());
        return Math.max(elapsedShare(start), (double) killsThatCount() / mostKills) < URGENT_AFTER ? Set.of() : missing;
    }

    private Victim start() {
        return new Victim("crashtest", flags, arguments, folder.resolve("plan-" + ++started), line -> false);
    }

    private void killOnce(Victim victim, Subject subject, KillPlan.Kill kill) throws IOException, InterruptedException {
        forgetPhase();
        keepImages();
        failed = subject;
        victim.go(subject, seed, kill.assignment());
        // a region that was opened has its recovery behind it: if there was none to do, the aim was missed
        boolean aimed =
                kill.phase().isPresent() && !(kill.phase().get() == Phase.RECOVERY && victim.awaitOpened(AIM_TIMEOUT));
        OptionalInt status = victim.awaitEndOrKill(aimed ? AIM_TIMEOUT : Duration.ofNanos(kill.delayNanoseconds()));
        learn(victim, subject);
        if (Victim.wasKilled(status)) {
            kills++;
            subject.kills++;
            countPhase();
            cutPower();
        } else if (victim.violations().isEmpty()) {
            failures.add("the application, to be killed " + kill + ", ended by itself with status " + status.orElse(-1)
                    + victim.errorText());
        }
    }

    private void keepImages() throws IOException {
        if (medium == Medium.LOSSY) {
            images.keep();
        }
    }

    private void cutPower() {
        if (medium != Medium.KEEPS_ALL) {
            boolean alone = cuts.nextInt(WITHOUT_A_CUT) == 0;
            long draw = cuts.nextLong();
            if (!alone) {
                cutsDone++;
                losses = losses.plus(lossy.cut(draw));
            }
        }
    }

    private void verify(Victim victim, Subject subject) throws IOException, InterruptedException {
        forgetPhase();
        keepImages();
        failed = subject;
        Optional<String> failure = victim.check(subject, seed);
        learn(victim, subject);
        failure.ifPresent(failures::add);
    }

    private void learn(Victim victim, Subject subject) {
        longestOpen = Math.max(longestOpen, victim.openNanoseconds());
        victim.violations().forEach(violation -> failures.add(subject.description + ": " + violation));
        if (!victim.address().isEmpty()) {
            if (!subject.address.isEmpty() && !subject.address.equals(victim.address())) {
                failures.add(subject.description + ": the region's address changed: expected 0x" + subject.address
                        + ", found 0x" + victim.address());
            }
            subject.address = victim.address();
            providers.add(victim.providers());
        }
    }

    // ---- the marker that a victim leaves: byte 0 is 1 + ordinal of its phase, byte 1 is 1 while the log is trimmed,
    // ---- byte 2 has a bit for each phase that there is ----

    private void forgetPhase() throws IOException {
        if (Files.exists(phaseFile)) {
            try (var file = Files.newByteChannel(phaseFile, StandardOpenOption.WRITE)) {
                file.write(ByteBuffer.allocate(2));
            }
        }
    }

    private void countPhase() throws IOException {
        if (!Files.exists(phaseFile)) {
            return;
        }
        byte[] marker;
        try (var file = Files.newInputStream(phaseFile)) {
            marker = file.readNBytes(3);
        }
        if (marker.length < 3) {
            return; // killed between the file's creation and its mapping
        }
        learnPhases(marker[2]);
        if (marker[0] > 0) {
            killsByPhase.merge(Phase.values()[marker[0] - 1], 1, Integer::sum);
        }
        if (marker[1] != 0) {
            killsByPhase.merge(Phase.TRIM, 1, Integer::sum);
        }
    }

    private void learnPhases(int bits) {
        if (bits == 0) {
            return; // killed before its region was open
        }
        existing = EnumSet.noneOf(Phase.class);
        for (Phase phase : Phase.values()) {
            if ((bits & 1 << phase.ordinal()) != 0) {
                existing.add(phase);
            }
        }
    }

    /** @return whether all is as it should be */
    private boolean report(long nanoseconds) {
        console.line(Style.HEADING, "Result");
        row("providers", String.join(" and ", providers));
        providers.stream()
                .flatMap(inForce -> selection.unmet(inForce).stream())
                .distinct()
                .forEach(sentence -> console.line(Style.WARNING, "  " + sentence));
        row(
                "kills",
                String.format(
                        Locale.ROOT,
                        "%d in %.0f s, %.1f a second",
                        kills,
                        nanoseconds / 1e9,
                        kills / (nanoseconds / 1e9)));
        for (Phase phase : existing) {
            row(
                    "  " + phase.name().toLowerCase(Locale.ROOT).replace('_', ' '),
                    killsByPhase.getOrDefault(phase, 0) + (phase == Phase.TRIM ? " (beside the phases above)" : ""));
        }
        bank.print(console::line);
        instant.print(console::line);
        row("longest recovery", String.format(Locale.ROOT, "%.1f ms", longestOpen / 1e6));
        if (medium != Medium.KEEPS_ALL) {
            row(
                    "power cuts",
                    String.format(
                            Locale.ROOT,
                            "%d; of what was not synced %,d changes were lost, %,d kept",
                            cutsDone,
                            losses.lost(),
                            losses.kept()));
        }
        if (medium == Medium.LOSSY_CONTROL) {
            return reportControl();
        }
        checkPhases();
        if (failures.isEmpty()) {
            console.line(
                    Style.GOOD,
                    "held: no acknowledged commit is missing, every image is one of a commit, "
                            + "every cut is one instant" + (judgesPhases() ? ", every phase was hit" : ""));
        } else {
            failures.forEach(failure -> console.line(Style.BAD, "FAILED: " + failure));
            console.line("the regions are kept in " + folder + "; repeat with --seed " + seed
                    + (medium == Medium.LOSSY ? " --lossy" : ""));
            howToLook.forEach(line -> console.line("  " + line));
        }
        return failures.isEmpty();
    }

    /** What fails before the power was cut has another reason, and shows nothing. */
    private boolean reportControl() {
        boolean caught = !failures.isEmpty() && cutsDone > 0;
        failures.forEach(failure -> console.line(caught ? Style.GOOD : Style.BAD, "caught: " + failure));
        if (caught) {
            console.line(
                    Style.GOOD, "held: the loss of what was acknowledged was noticed, by " + cutsDone + " power cuts");
        } else {
            console.line(
                    Style.BAD,
                    "FAILED: " + cutsDone + " power cuts without a sync left nothing that was noticed: this"
                            + " test finds nothing; repeat with --seed " + seed);
        }
        return caught;
    }

    /** A short run with power cuts may leave that to the kills without them, of which there are more in the same time. */
    private boolean judgesPhases() {
        return medium == Medium.KEEPS_ALL || kills >= KillPlan.fewestKills();
    }

    private void checkPhases() {
        Set<Phase> missing = EnumSet.copyOf(existing);
        missing.removeAll(killsByPhase.keySet());
        if (!missing.isEmpty() && failures.isEmpty() && judgesPhases()) {
            failures.add("no kill struck " + missing
                    + (kills < KillPlan.fewestKills()
                            ? ": " + kills + " kills are too few to visit all phases, let it run for "
                                    + KillPlan.fewestKills() + " or more (--seconds, --kills)"
                            : ": either the phase is not reported to observers, or it is never reached"));
        }
    }

    private void row(String label, String value) {
        console.line(String.format(Locale.ROOT, "  %-20s%s", label, value));
    }
}
