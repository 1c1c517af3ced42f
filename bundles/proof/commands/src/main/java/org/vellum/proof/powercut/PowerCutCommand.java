// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.powercut;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.command.Subcommand;
import org.vellum.launcher.framework.Distribution;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Cuts the power, in a JVM of its own with a flat class path: no framework is cut. */
@Command(
        name = "powercut",
        description = {
            "Cut the power under real file systems, and check what is left.",
            "A program commits on a disk that remembers each write and flush in order. Its power is cut at many places: all that"
                    + " was flushed is there, and of what was written since a part. Each image is mounted; its region must"
                    + " hold one step that may be there, and go on from it. The disk is slow, full, and fails, too.",
            "Needs root, FUSE and loop devices. Exit status 3: it cannot be done here, and why."
        })
public final class PowerCutCommand implements Subcommand {
    private static final String MAIN_CLASS = "org.vellum.powercut.PowerCuts";

    @Spec
    private CommandSpec specification;

    @Option(
            names = "--file-systems",
            paramLabel = "LIST",
            description =
                    "such as ext4,xfs; any other name lists them (default: ext4, ext4-no-journal, xfs, btrfs, overlay)")
    private String fileSystems;

    @Option(
            names = "--images",
            paramLabel = "N",
            description = "different images for each file system (default: 2000); below 500: of some of the scenarios")
    private Integer images;

    @Option(
            names = "--sweep",
            paramLabel = "N",
            description = "in a short run, a write error at every N-th write in turn (default: 1, each; 0: none)")
    private Integer sweep;

    @Option(names = "--seconds", paramLabel = "N", description = "begin nothing new after so long (default: no limit)")
    private Integer seconds;

    @Option(names = "--seed", paramLabel = "S", description = "what is stored, and which cuts are drawn (default: 1)")
    private Long seed;

    @Option(
            names = "--directory",
            paramLabel = "FOLDER",
            description = "an empty folder for recordings (default: deleted, unless a check fails)")
    private Path directory;

    @Option(
            names = "--scenario",
            paramLabel = "ACTS",
            description = "one scenario instead of all: commits, or some of reopen+move+kill+repair+full+busy")
    private String scenario;

    @Option(names = "--strategy", paramLabel = "NAME", description = "with --scenario (default: dirty-bit)")
    private String strategy;

    @Option(names = "--steps", paramLabel = "N", description = "with --scenario: commits")
    private Integer steps;

    @Option(
            names = "--command",
            paramLabel = "TEXT",
            description =
                    "with --scenario: to the disk, such as 'FAULT write 300 1' or 'DELAY flush 20 5000'; several by ;")
    private String command;

    @Option(
            names = "--lie",
            paramLabel = "'CALL N'",
            description = "with --scenario, a control: every N-th fsync, fdatasync or sync of all kinds does nothing")
    private String lie;

    @Option(
            names = "--controls",
            description = "only whether programs and file systems that do not sync are caught within 20 cuts")
    private boolean controls;

    @Option(names = "--repeat", paramLabel = "FOLDER", description = "one cut of a kept recording again, with --cut")
    private Path repeat;

    @Option(names = "--cut", paramLabel = "E:V", description = "with --repeat: event and variant, as they were printed")
    private String cut;

    @Option(names = "--obstacle", description = "only say why it cannot be done here, if so")
    private boolean obstacle;

    @Override
    public Integer call() throws InterruptedException {
        if ((repeat == null) != (cut == null)) {
            throw new ParameterException(specification.commandLine(), "--repeat and --cut go together");
        }
        if (scenario == null && Stream.of(strategy, steps, command, lie).anyMatch(option -> option != null)) {
            throw new ParameterException(
                    specification.commandLine(), "--strategy, --steps, --command and --lie go with --scenario");
        }
        List<String> process = new ArrayList<>();
        process.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        process.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        process.addAll(List.of("-cp", classPath(), MAIN_CLASS));
        add(process, "file-systems", fileSystems);
        add(process, "images", images);
        add(process, "sweep", sweep);
        add(process, "seconds", seconds);
        add(process, "seed", seed);
        add(process, "directory", directory == null ? null : directory.toAbsolutePath());
        add(process, "acts", scenario);
        add(process, "strategy", strategy);
        add(process, "steps", steps);
        add(process, "command", command);
        add(process, "lie", lie);
        add(process, "controls", controls ? "" : null);
        add(process, "repeat", repeat);
        add(process, "cut", cut);
        add(process, "obstacle", obstacle ? "" : null);
        try {
            return new ProcessBuilder(process).inheritIO().start().waitFor();
        } catch (IOException e) {
            throw new CommandFailure("no JVM can be started: " + e.getMessage(), e);
        }
    }

    private static void add(List<String> process, String name, Object value) {
        if (value != null) {
            process.add(name + "=" + value);
        }
    }

    private static String classPath() {
        Path home = Distribution.running().home();
        return Stream.of("power", "benchmarks", "lib", "bundles")
                .map(folder -> home.resolve(folder) + File.separator + "*")
                .collect(Collectors.joining(File.pathSeparator));
    }
}
