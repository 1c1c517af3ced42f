// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalLong;
import org.vellum.launcher.command.ExitStatus;
import org.vellum.launcher.command.ProviderSelection;
import org.vellum.launcher.command.Subcommand;
import org.vellum.launcher.console.Console;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Swaps, kills, reopens, checks, and goes on. */
@Command(
        name = "soak",
        description = {
            "Swap the providers of regions that threads store to, every 50 ms; kill the process at random, reopen, check.",
            "No acknowledged commit may be missing, no thread may get stuck, and no process may grow; and far fewer swaps or"
                    + " kills than the time allows fail the run as well."
        })
public final class SoakCommand implements Subcommand {
    private static final long SIZE = 4 << 20;
    private static final int DEFAULT_SECONDS = 600;
    private static final int FEWEST_SECONDS = 30;
    /** How much of the run belongs to the last process. */
    private static final double LAST_SHARE = 0.1;
    /** In seconds. */
    private static final int SHORTEST_LAST_LIFE = 12;

    @Spec
    private CommandSpec specification;

    @Option(names = "--seconds", paramLabel = "N", description = "how long (default: 600)")
    private int seconds = DEFAULT_SECONDS;

    @Option(
            names = "--seed",
            paramLabel = "S",
            description = "repeat a run: its data, each process's swaps and when it is killed, though not how its"
                    + " threads interleaved (default: random)")
    private Long seed;

    @Option(
            names = "--life",
            paramLabel = "S",
            description = "live a process's life again and again: every process has this seed for its swaps and end")
    private Long life;

    @Option(
            names = "--directory",
            paramLabel = "FOLDER",
            description = "an empty folder for the regions' files (default: deleted, unless a check fails)")
    private Path directory;

    @Mixin
    private ProviderSelection selection = new ProviderSelection();

    @Override
    public Integer call() throws InterruptedException {
        if (seconds < FEWEST_SECONDS) {
            throw new ParameterException(
                    specification.commandLine(), "--seconds " + seconds + ": must be at least " + FEWEST_SECONDS);
        }
        selection.requireStoreThatOutlivesItsProcess(specification.commandLine());
        Path folder = RunFolder.prepare(specification.commandLine(), directory, "vellum-soak-");
        long seedUsed = seed == null ? System.nanoTime() & 0xffffff : seed;
        Duration lastLife = Duration.ofSeconds(Math.max(SHORTEST_LAST_LIFE, (long) (seconds * LAST_SHARE)));
        Duration killing = Duration.ofSeconds(seconds).minus(lastLife);
        Soak soak = new Soak(
                Console.standardOutput(),
                folder,
                selection,
                selection.size().orElse(SIZE),
                seedUsed,
                life == null ? OptionalLong.empty() : OptionalLong.of(life),
                killing,
                lastLife,
                // a life that is lived again and again may be one that swaps once
                life == null ? SoakFloor.of(killing, lastLife) : SoakFloor.NONE);
        boolean held = soak.run();
        if (directory == null && held) {
            RunFolder.delete(folder);
        }
        return held ? ExitStatus.HELD : ExitStatus.FAILED;
    }
}
