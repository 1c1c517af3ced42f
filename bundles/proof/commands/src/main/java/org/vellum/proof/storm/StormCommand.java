// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.storm;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.command.ExitStatus;
import org.vellum.launcher.command.Subcommand;
import org.vellum.launcher.console.Console;
import org.vellum.launcher.console.Console.Style;
import org.vellum.launcher.framework.Distribution;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Runs the driver of the storm in a JVM for each framework, at the same time. */
@Command(
        name = "storm",
        description = {
            "Stop, start, update, refresh, uninstall and reinstall every bundle at random, those of OSGi and JNA too, while"
                    + " applications store and commit.",
            "No acknowledged commit may be missing, and when all bundles are back, all store again within two seconds."
        })
public final class StormCommand implements Subcommand {
    private static final int DEFAULT_SECONDS = 600;
    private static final String DRIVER = "org.vellum.storm.driver.Storm";

    /** Frameworks there are. */
    enum Kind {
        felix("lib/org.apache.felix.framework.jar"),
        equinox("storm/org.eclipse.osgi.jar");

        private final String jar;

        Kind(String jar) {
            this.jar = jar;
        }
    }

    private record Child(Kind kind, Process process, Thread reader) {}

    @Spec
    private CommandSpec specification;

    @Option(names = "--seconds", paramLabel = "N", description = "how long (default: 600)")
    private int seconds = DEFAULT_SECONDS;

    @Option(
            names = "--framework",
            paramLabel = "NAME",
            description = "felix or equinox; may be repeated (default: both, at the same time)")
    private List<Kind> frameworks = new ArrayList<>();

    @Option(
            names = "--seed",
            paramLabel = "S",
            description =
                    "repeat a run: what happens in which order, though not how threads interleave (default: random)")
    private Long seed;

    @Option(
            names = "--scale",
            paramLabel = "X",
            description = "judge by X times two seconds, on a slow machine; 0: only measure (default: 1)")
    private double scale = 1;

    @Option(
            names = "--directory",
            paramLabel = "FOLDER",
            description = "for the regions and the log of all that happens (default: deleted, unless a check fails)")
    private Path directory;

    @Override
    public Integer call() throws InterruptedException {
        if (seconds < 1 || scale < 0) {
            throw new ParameterException(
                    specification.commandLine(), "--seconds must be positive, and --scale not negative");
        }
        Console console = Console.standardOutput();
        long seedUsed = seed == null ? System.nanoTime() & 0xffffff : seed;
        Path folder = folder();
        console.line(Style.HEADING, "Storm of " + seconds + " s, --seed " + seedUsed);
        List<Child> children = new ArrayList<>();
        boolean held = true;
        try {
            for (Kind kind : frameworks.isEmpty() ? List.of(Kind.values()) : frameworks) {
                children.add(start(kind, folder.resolve(kind.name()), seedUsed, console));
            }
            for (Child child : children) {
                held &= child.process().waitFor() == 0;
                child.reader().join();
            }
        } finally {
            children.forEach(child -> child.process().destroyForcibly());
        }
        if (held) {
            console.line(Style.GOOD, "held: nothing acknowledged was missing, and all came back");
            if (directory == null) {
                delete(folder);
            }
        } else {
            console.line(
                    Style.BAD,
                    "FAILED: all that happened is in " + folder + "/*/storm.log; repeat with --seed " + seedUsed);
        }
        return held ? ExitStatus.HELD : ExitStatus.FAILED;
    }

    private Path folder() {
        try {
            return directory == null
                    ? Files.createTempDirectory("vellum-storm-")
                    : Files.createDirectories(directory.toAbsolutePath());
        } catch (IOException e) {
            throw new CommandFailure("no folder can be made for the storm: " + e, e);
        }
    }

    private Child start(Kind kind, Path folder, long seedUsed, Console console) {
        Path home = Distribution.running().home().toAbsolutePath();
        Path application = home.resolve("storm/org.vellum.storm.jar");
        Path framework = home.resolve(kind.jar);
        Path histogram = home.resolve("lib/HdrHistogram.jar");
        for (Path jar : List.of(application, framework, histogram)) {
            if (!Files.isReadable(jar)) {
                throw new CommandFailure(
                        jar + " is missing, so this is no complete distribution: build it with './vellum build'");
            }
        }
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        // what only soft references hold is not held
        command.add("-XX:SoftRefLRUPolicyMSPerMB=0");
        command.addAll(List.of("-cp", framework + ":" + application + ":" + histogram, DRIVER));
        command.addAll(List.of(
                folder.toString(),
                Integer.toString(seconds),
                Long.toString(seedUsed),
                Double.toString(scale),
                home.resolve("bundles").toString(),
                application.toString()));
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            Thread reader = new Thread(() -> relay(process, kind, console), "output of " + kind);
            reader.setDaemon(true);
            reader.start();
            return new Child(kind, process, reader);
        } catch (IOException e) {
            throw new CommandFailure("no JVM can be started: " + e.getMessage(), e);
        }
    }

    private static void relay(Process process, Kind kind, Console console) {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                console.line(String.format("  %-9s%s", kind, line));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path folder) {
        try (var files = Files.walk(folder)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("folder " + folder + " cannot be deleted", e);
        }
    }
}
