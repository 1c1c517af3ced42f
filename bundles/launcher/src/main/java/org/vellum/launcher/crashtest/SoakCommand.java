package org.vellum.launcher.crashtest;

import java.nio.file.Path;
import java.time.Duration;
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
            "No acknowledged commit may be missing, no thread may get stuck, and no process may grow."
        })
public final class SoakCommand implements Subcommand {
    private static final long SIZE = 4 << 20;
    private static final int DEFAULT_SECONDS = 600;
    private static final int FEWEST_SECONDS = 30;

    @Spec
    private CommandSpec specification;

    @Option(names = "--seconds", paramLabel = "N", description = "how long (default: 600)")
    private int seconds = DEFAULT_SECONDS;

    @Option(
            names = "--seed",
            paramLabel = "S",
            description = "repeat a run's data and the moments of its kills (default: random)")
    private Long seed;

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
        Path folder = RunFolder.prepare(specification.commandLine(), directory, "vellum-soak-");
        long seedUsed = seed == null ? System.nanoTime() & 0xffffff : seed;
        Soak soak = new Soak(
                Console.standardOutput(),
                folder,
                selection,
                selection.size().orElse(SIZE),
                seedUsed,
                Duration.ofSeconds(seconds));
        boolean held = soak.run();
        if (directory == null && held) {
            RunFolder.delete(folder);
        }
        return held ? ExitStatus.HELD : ExitStatus.FAILED;
    }
}
