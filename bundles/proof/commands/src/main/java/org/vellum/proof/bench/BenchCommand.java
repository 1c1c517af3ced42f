// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.bench;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.command.ProviderSelection;
import org.vellum.launcher.command.Subcommand;
import org.vellum.launcher.framework.Distribution;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs the benchmarks in a JVM of their own, on a flat class path: nothing of a framework is measured. */
@Command(
        name = "bench",
        description = {
            "Measure regions on this machine.",
            "Prints tables of min / median / max, and for each bound of docs/performance.md whether it held."
        })
public final class BenchCommand implements Subcommand {
    private static final String MAIN_CLASS = "org.vellum.benchmarks.BenchmarkCommand";

    @Parameters(
            paramLabel = "NAME",
            arity = "0..*",
            description =
                    "benchmarks to run, such as against-append; another name lists them (default: all, 11 minutes)")
    private List<String> names = new ArrayList<>();

    @Mixin
    private ProviderSelection selection;

    @Option(
            names = "--directory",
            paramLabel = "FOLDER",
            description =
                    "where regions go meanwhile, on the device to measure (default: the folder for temporary files)")
    private Path directory;

    @Option(names = "--seconds", paramLabel = "N", description = "how long one measurement may take (default: 20)")
    private Integer seconds;

    @Option(names = "--markdown", description = "print tables in Markdown")
    private boolean markdown;

    @Option(names = "--check", description = "exit with status 1 when a bound does not hold")
    private boolean check;

    @Override
    public Integer call() throws InterruptedException {
        try {
            return new ProcessBuilder(command()).inheritIO().start().waitFor();
        } catch (IOException e) {
            throw new CommandFailure("no JVM can be started: " + e.getMessage(), e);
        }
    }

    private List<String> command() {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", classPath(), MAIN_CLASS));
        command.addAll(selection.arguments());
        if (directory != null) {
            command.addAll(List.of("--directory", directory.toString()));
        }
        if (seconds != null) {
            command.addAll(List.of("--seconds", seconds.toString()));
        }
        if (check) {
            command.add("--check");
        }
        if (markdown) {
            command.add("--markdown");
        }
        command.addAll(names);
        return command;
    }

    private static String classPath() {
        Path home = Distribution.running().home();
        return Stream.of("benchmarks", "lib", "bundles")
                .map(folder -> home.resolve(folder) + File.separator + "*")
                .collect(Collectors.joining(File.pathSeparator));
    }
}
