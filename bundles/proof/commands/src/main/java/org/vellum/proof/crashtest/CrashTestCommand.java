// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import org.vellum.launcher.command.ExitStatus;
import org.vellum.launcher.command.ProviderSelection;
import org.vellum.launcher.command.Subcommand;
import org.vellum.launcher.console.Console;
import org.vellum.proof.crashtest.CrashTest.Medium;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Kills, reopens, checks, and goes on. */
@Command(
        name = "crashtest",
        description = {
            "Kill an application with SIGKILL in every phase of a commit, reopen its region, and check it.",
            "A bank of accounts must balance and miss no acknowledged commit; stores made without any section must be cut"
                    + " at one instant. A phase that was never hit fails the run.",
            "With --exhaustive nothing is killed: the stores' steps are recorded, and every image that a power cut behind any"
                    + " of them may leave is recovered and compared, as is every image of a crash in that recovery; and"
                    + " each write-back, fence and sync is left out once, which must be noticed.",
            "With --lossy the power is cut with the kills: the regions are on a file system of its own, in memory, that loses"
                    + " or keeps by chance each sector, size and name that was not synced. It needs FUSE."
        })
public final class CrashTestCommand implements Subcommand {
    private static final long DEFAULT_SIZE = 16 << 20;
    private static final long SMALLEST_SIZE = 2 << 20;
    private static final long LARGEST_SIZE = 1 << 30;
    private static final int DEFAULT_SECONDS = 60;
    private static final Set<String> WITH_EXHAUSTIVE = Set.of("--exhaustive", "--seconds", "--seed");

    @Spec
    private CommandSpec specification;

    @Option(names = "--seconds", paramLabel = "N", description = "how long (default: 60, or until --kills are done)")
    private Integer seconds;

    @Option(names = "--kills", paramLabel = "N", description = "end after so many kills")
    private Integer kills;

    @Option(
            names = "--seed",
            paramLabel = "S",
            description =
                    "repeat a run: its data and kill plan, though not how its threads interleaved (default: random)")
    private Long seed;

    @Option(
            names = "--directory",
            paramLabel = "FOLDER",
            description = "an empty folder for the regions' files (default: deleted, unless a check fails)")
    private Path directory;

    @Option(
            names = "--exhaustive",
            description = "enumerate crash images instead of killing; minutes, with --seconds less")
    private boolean exhaustive;

    @Option(names = "--lossy", description = "cut the power as well: what was not synced is lost or kept by chance")
    private boolean lossy;

    @Option(
            names = "--negative-control",
            description = "a test of --lossy: every sync succeeds and does nothing; held when a"
                    + " violation is found within 20 kills")
    private boolean negativeControl;

    @Mixin
    private ProviderSelection selection = new ProviderSelection();

    @Override
    public Integer call() throws InterruptedException {
        requirePositive("--seconds", seconds);
        requirePositive("--kills", kills);
        if (exhaustive) {
            return enumerate();
        }
        if (negativeControl && !lossy) {
            throw new ParameterException(
                    specification.commandLine(), "--negative-control: is one of --lossy, which must be given as well");
        }
        selection.requireStoreThatOutlivesItsProcess(specification.commandLine());
        long size = selection.size().orElse(DEFAULT_SIZE);
        if (size < SMALLEST_SIZE || size > LARGEST_SIZE) {
            throw new ParameterException(
                    specification.commandLine(), "--size " + size + ": the crash test works with 2 MiB to 1 GiB");
        }
        long seedUsed = seed == null ? System.nanoTime() & 0xffffff : seed;
        Duration longest = seconds != null
                ? Duration.ofSeconds(seconds)
                : Duration.ofSeconds(kills != null || negativeControl ? Integer.MAX_VALUE : DEFAULT_SECONDS);
        Path folder = RunFolder.prepare(specification.commandLine(), directory, "vellum-crashtest-");
        CrashTest test = new CrashTest(
                Console.standardOutput(),
                folder,
                negativeControl ? Medium.LOSSY_CONTROL : lossy ? Medium.LOSSY : Medium.KEEPS_ALL,
                selection,
                size,
                seedUsed,
                longest,
                kills == null ? Integer.MAX_VALUE : kills);
        boolean held = test.run();
        if (directory == null && held) {
            RunFolder.delete(folder);
        }
        return held ? ExitStatus.HELD : ExitStatus.FAILED;
    }

    private int enumerate() throws InterruptedException {
        for (OptionSpec option : specification.commandLine().getParseResult().matchedOptions()) {
            if (!WITH_EXHAUSTIVE.contains(option.longestName())) {
                throw new ParameterException(
                        specification.commandLine(),
                        option.longestName()
                                + " does not go with --exhaustive, which enumerates all stores in memory; of"
                                + " the other options --seconds and --seed do");
            }
        }
        Exhaustive run =
                new Exhaustive(Console.standardOutput(), seed == null ? 1 : seed, seconds == null ? 0 : seconds);
        return run.run() ? ExitStatus.HELD : ExitStatus.FAILED;
    }

    private void requirePositive(String option, Integer value) {
        if (value != null && value < 1) {
            throw new ParameterException(specification.commandLine(), option + " " + value + ": must be at least 1");
        }
    }
}
