// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.command.ExitStatus;
import org.vellum.launcher.console.Console;
import org.vellum.launcher.console.Console.Style;
import org.vellum.launcher.console.Progress;
import org.vellum.launcher.framework.Distribution;

/**
 * The enumeration of crashes, in a JVM of its own with a flat class path: no framework is crashed. Its reports are passed
 * on, its lines of progress drawn.
 */
final class Exhaustive {
    private static final String MAIN_CLASS = "org.vellum.crash.subjects.ExhaustiveCommand";
    /** As that class writes it. */
    private static final String PROGRESS = "\u0001progress\t";

    private final Console console;
    private final long seed;
    private final int seconds;

    /** @param seconds at most, 0: as long as it takes */
    Exhaustive(Console console, long seed, int seconds) {
        this.console = console;
        this.seed = seed;
        this.seconds = seconds;
    }

    /** @return whether no image was wrong and every mutant was caught */
    boolean run() throws InterruptedException {
        console.line(Style.HEADING, "Every crash there is, --exhaustive --seed " + seed);
        int status;
        try {
            Process process = new ProcessBuilder(command())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            try (Progress progress = console.progress("enumerating", 1000);
                    BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    show(line, progress);
                }
                status = process.waitFor();
            } finally {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            throw new CommandFailure("no JVM can be started for the enumeration: " + e.getMessage(), e);
        }
        if (status == ExitStatus.HELD) {
            console.line(
                    Style.GOOD,
                    "held: every crash image is exactly one epoch that may be there, and every mutant" + " was caught");
        } else {
            console.line(Style.BAD, "FAILED: see above; repeat with --exhaustive --seed " + seed);
        }
        return status == ExitStatus.HELD;
    }

    private void show(String line, Progress progress) {
        if (line.startsWith(PROGRESS)) {
            String[] fields = line.split("\t");
            progress.update(Long.parseLong(fields[1]), fields[2]);
        } else {
            console.line(line);
        }
    }

    private List<String> command() {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", classPath(), MAIN_CLASS, Long.toString(seed), Integer.toString(seconds)));
        return command;
    }

    private static String classPath() {
        Path home = Distribution.running().home();
        return Stream.of("enumeration", "lib", "bundles")
                .map(folder -> home.resolve(folder) + File.separator + "*")
                .collect(Collectors.joining(File.pathSeparator));
    }
}
