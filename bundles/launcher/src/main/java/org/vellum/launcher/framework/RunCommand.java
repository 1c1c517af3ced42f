// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.command.ExitStatus;
import org.vellum.launcher.command.ProviderSelection;
import org.vellum.launcher.command.Subcommand;
import org.vellum.launcher.console.Console;
import org.vellum.launcher.feature.BundleRepositories;
import org.vellum.launcher.feature.Features;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** A framework with the Gogo shell: interactive, or running a list of commands. */
@Command(
        name = "run",
        description = {
            "Start the container with a shell (commands vellum:*).",
            "When standard input is no terminal, its lines are run as commands; the first that fails ends it."
        })
public final class RunCommand implements Subcommand {
    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final int STANDARD_INPUT = 0;

    /** JLine warns when it finds no terminal, which here is intended. Kept, since a logger unreferenced is forgotten. */
    private static final Logger JLINE = Logger.getLogger("org.jline");

    @Option(
            names = "--storage",
            paramLabel = "FOLDER",
            description = {
                "keep configurations and regions here",
                "(default: configurations end with the run, regions are in ~/.vellum/regions)"
            })
    private Path storage;

    @Option(
            names = "--dax-emulate",
            description =
                    "let the store dax take folders that are not on persistent memory: commits survive SIGKILL, not a"
                            + " power cut")
    private boolean emulateDax;

    @Option(
            names = "--command",
            paramLabel = "COMMAND",
            description = "run this command instead of the interactive shell; may be repeated")
    private List<String> commands = new ArrayList<>();

    @Option(
            names = "--feature",
            paramLabel = "FILE",
            description = {
                "start the bundles and configurations of this OSGi feature file (JSON), and the shell,",
                "in place of the distribution's bundles; may be repeated"
            })
    private List<Path> features = new ArrayList<>();

    @Option(
            names = "--repository",
            paramLabel = "FOLDER",
            description = {
                "look for the features' bundles in this Maven repository too; may be repeated",
                "(always: the distribution's own, then ~/.m2/repository)"
            })
    private List<Path> repositories = new ArrayList<>();

    @Override
    public Integer call() throws InterruptedException {
        Distribution distribution = Distribution.running();
        if (features.isEmpty() && !repositories.isEmpty()) {
            throw new CommandFailure("--repository is of use with --feature only");
        }
        Features asked = Features.read(features);
        List<Path> bundles = new ArrayList<>(
                features.isEmpty() ? distribution.bundles() : asked.bundles(repositories(distribution)));
        bundles.addAll(distribution.shell());
        boolean interactive = commands.isEmpty() && Console.isTerminal(STANDARD_INPUT);
        JLINE.setLevel(Level.SEVERE);
        Map<String, String> properties = new HashMap<>(asked.properties());
        properties.put("gosh.home", distribution.home().toAbsolutePath().toString());
        properties.put("gosh.args", interactive ? "" : "--nointeractive --noshutdown");
        properties.put(ProviderSelection.EMULATE_DAX, Boolean.toString(emulateDax));
        try (Framework framework = Framework.start(
                bundles,
                asked.configurations(),
                storage == null ? Storage.temporary() : Storage.keeping(storage),
                properties)) {
            if (interactive) {
                framework.awaitStop();
                return ExitStatus.HELD;
            }
            return framework.application("shell", TIMEOUT).applyAsInt(commands);
        }
    }

    private BundleRepositories repositories(Distribution distribution) {
        List<Path> folders = new ArrayList<>(List.of(distribution.repository()));
        folders.addAll(repositories);
        folders.add(Path.of(System.getProperty("user.home"), ".m2", "repository"));
        return new BundleRepositories(folders);
    }
}
