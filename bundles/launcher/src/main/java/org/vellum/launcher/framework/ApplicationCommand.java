// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.vellum.launcher.command.ExitStatus;
import org.vellum.launcher.command.Subcommand;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs one application in a framework of its own; what {@link ChildJvm} starts. */
@Command(
        name = ApplicationCommand.NAME,
        hidden = true,
        description = "Start the framework with the distribution's applications, run one, exit with its status.")
public final class ApplicationCommand implements Subcommand {
    static final String NAME = "application";
    static final String TEMPORARY_FOLDER = "--temporary-folder";
    static final String WITH_STANDARD_INPUT = "--with-standard-input";

    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    @Option(
            names = TEMPORARY_FOLDER,
            paramLabel = "FOLDER",
            description = "keep the framework's files here, and delete it at the end")
    private Path folder;

    @Option(names = WITH_STANDARD_INPUT, description = "exit when standard input ends: the parent is gone")
    private boolean withStandardInput;

    @Parameters(index = "0", paramLabel = "NAME", description = "the application's name")
    private String name;

    @Parameters(index = "1..*", paramLabel = "ARGUMENT", description = "passed to the application as they are")
    private List<String> arguments = new ArrayList<>();

    /** What follows the name is the application's, options too. */
    @Spec
    void stopAtName(CommandSpec specification) {
        specification.parser().stopAtPositional(true);
    }

    @Override
    public Integer call() throws InterruptedException {
        if (withStandardInput) {
            exitWithStandardInput();
        }
        Distribution distribution = Distribution.running();
        List<Path> bundles = new ArrayList<>(distribution.bundles());
        bundles.addAll(distribution.applications());
        try (Framework framework =
                Framework.start(bundles, folder == null ? Storage.temporary() : Storage.temporary(folder), Map.of())) {
            return framework.application(name, TIMEOUT).applyAsInt(List.copyOf(arguments));
        }
    }

    private static void exitWithStandardInput() {
        Thread watcher = new Thread(
                () -> {
                    try {
                        while (System.in.read() >= 0) {
                            // what comes is of no interest, that it can still come is
                        }
                    } catch (IOException e) {
                        System.err.println("vellum: standard input: " + e.getMessage());
                    }
                    System.exit(ExitStatus.FAILED);
                },
                "parent watcher");
        watcher.setDaemon(true);
        watcher.start();
    }
}
