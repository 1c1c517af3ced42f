// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Cuts the power; what {@code ./vellum powercut} runs. Arguments are {@code name=value}:
 *
 * <pre>
 *     obstacle=           say why it cannot be done here, if so, and nothing else
 *     directory=          an empty folder; kept
 *     file-systems=       separated by commas, or "all"
 *     images=             about so many for each file system
 *     sweep=              an error at each so-many-th write of a short run; 0: not
 *     seed= seconds=
 *     acts= strategy= steps= lie= command=     one scenario of these, instead of all
 *     controls=           whether programs and file systems that do not sync are caught, and nothing else
 *     repeat= cut=        one cut of a recording again
 * </pre>
 *
 * Exit status 0: every check held; 1: one did not; 2: wrong usage; 3: it cannot be done here.
 */
public final class PowerCuts {
    static final int HELD = 0;
    static final int FAILED = 1;
    static final int USAGE = 2;
    static final int IMPOSSIBLE = 3;
    private static final int CONTROL_STEPS = 20;
    private static final int CUTS_OF_A_CONTROL = 20;
    private static final String OWN_MOUNTS = "vellum.power.mounts";

    private final Map<String, String> options = new HashMap<>();

    private PowerCuts(List<String> arguments) {
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            options.put(argument.substring(0, equals), argument.substring(equals + 1));
        }
    }

    public static void main(String[] arguments) throws Exception {
        List<String> all = Arrays.asList(arguments);
        PowerCuts cuts = new PowerCuts(all);
        int status;
        if (System.getenv(OWN_MOUNTS) == null) {
            Optional<String> obstacle = obstacle();
            if (obstacle.isPresent()) {
                System.out.println(obstacle.get());
                status = IMPOSSIBLE;
            } else {
                status = cuts.options.containsKey("obstacle") ? HELD : withOwnMounts(all);
            }
        } else {
            ChildJvm.endWithParent();
            try {
                status = cuts.run();
            } catch (WrongUsage e) {
                System.err.println("vellum powercut: " + e.getMessage());
                status = USAGE;
            }
        }
        System.out.flush();
        Runtime.getRuntime().halt(status);
    }

    /** Why no power can be cut here, in a sentence; empty if it can. */
    static Optional<String> obstacle() {
        return Programs.obstacle();
    }

    /** All of it in a process whose mounts nobody else sees, and which end with it. */
    static int withOwnMounts(List<String> arguments) throws IOException, InterruptedException {
        ProcessBuilder builder =
                new ProcessBuilder(ChildJvm.commandWithOwnMounts(PowerCuts.class, arguments)).inheritIO();
        builder.environment().put(OWN_MOUNTS, "own");
        return builder.start().waitFor();
    }

    private String option(String name, String otherwise) {
        return options.getOrDefault(name, otherwise);
    }

    private int run() throws IOException {
        if (options.containsKey("repeat")) {
            return repeat(Path.of(options.get("repeat")).toAbsolutePath(), Bench.Cut.parse(options.get("cut")));
        }
        List<FileSystem> systems = systems();
        boolean temporary = !options.containsKey("directory");
        Path folder = temporary ? Files.createTempDirectory("vellum-powercut-") : Path.of(options.get("directory"));
        RunFolder run = new RunFolder(folder.toAbsolutePath().normalize());
        if (!run.isEmpty()) {
            throw new WrongUsage(run.path() + " is not empty; name a folder that is, or one that is not there yet");
        }
        run.prepare();
        long began = System.nanoTime();
        long seconds = Long.parseLong(option("seconds", "86400"));
        Campaign campaign = new Campaign(run, System.out);
        campaign.endAt(began + seconds * 1_000_000_000);
        long seed = Long.parseLong(option("seed", "1"));
        if (options.containsKey("controls")) {
            System.out.println("controls");
            for (FileSystem system : FileSystem.USUAL) {
                campaign.control(
                        Scenario.of(system, "dirty-bit", seed, Scenario.Act.REOPEN)
                                .withSteps(CONTROL_STEPS)
                                .withLie("fdatasync 1"),
                        CUTS_OF_A_CONTROL);
            }
            campaign.control(
                    Scenario.of(FileSystem.EXT4_NO_BARRIER, "write-protect", seed, Scenario.Act.REOPEN)
                            .withSteps(CONTROL_STEPS),
                    CUTS_OF_A_CONTROL);
            return end(campaign, run, temporary, "held: every control was caught");
        }
        for (int i = 0; i < systems.size(); i++) {
            FileSystem system = systems.get(i);
            campaign.endAt(began + seconds * 1_000_000_000 / systems.size() * (i + 1));
            System.out.println(system.label());
            long systemBegan = System.nanoTime();
            Campaign.Figures figures = options.containsKey("acts")
                    ? campaign.record(
                            scenario(system, seed),
                            new Recorder(run).make(system),
                            Integer.parseInt(option("images", "200")),
                            0)
                    : campaign.on(
                            system,
                            Integer.parseInt(option("images", "2000")),
                            Integer.parseInt(option("sweep", "1")),
                            seed + system.ordinal());
            System.out.printf(
                    "%s: %,d cuts, %,d different images, %,d violations, %,d s; %s%n",
                    system.label(),
                    figures.cuts,
                    figures.images,
                    figures.violations.size(),
                    (System.nanoTime() - systemBegan) / 1_000_000_000,
                    figures.phases);
        }
        return end(
                campaign,
                run,
                temporary,
                campaign.complete()
                        ? "held: each image holds exactly one step that may be there, and goes on from it"
                        : "held, as far as it came in " + seconds + " s");
    }

    private static int end(Campaign campaign, RunFolder run, boolean temporary, String held) throws IOException {
        if (!campaign.held()) {
            System.out.println("FAILED; kept: " + run.path());
            return FAILED;
        }
        System.out.println(held);
        if (temporary) {
            Kernel.umount2(run.memory().toString(), 0);
            RunFolder.delete(run.path());
        }
        return HELD;
    }

    private List<FileSystem> systems() {
        String names = option("file-systems", "");
        if (names.isEmpty()) {
            return FileSystem.USUAL;
        }
        return Arrays.stream(names.split(",")).map(FileSystem::of).toList();
    }

    private Scenario scenario(FileSystem system, long seed) {
        Scenario scenario = Scenario.of(
                system,
                option("strategy", "dirty-bit"),
                seed,
                Scenario.parseActs(options.get("acts")).toArray(Scenario.Act[]::new));
        if (options.containsKey("steps")) {
            scenario = scenario.withSteps(Integer.parseInt(options.get("steps")));
        }
        if (options.containsKey("command")) {
            scenario = scenario.withCommands(options.get("command").split(";"));
        }
        return scenario.withLie(option("lie", ""));
    }

    private static int repeat(Path folder, Bench.Cut cut) throws IOException {
        RunFolder run = RunFolder.of(folder);
        run.prepare();
        Recording recording = Recording.load(folder);
        CutDisk disk = Worker.disk(recording);
        disk.advance(cut.event());
        Promise promise = recording.promised(cut.event());
        System.out.println(recording.scenario() + ", cut " + cut);
        for (int i = Math.max(0, cut.event() - 12); i < cut.event(); i++) {
            System.out.println("  " + i + " " + recording.events().get(i));
        }
        System.out.println("promised: " + promise);
        System.out.println("on its way: " + disk.pendingWrites() + " writes; of them reach the medium: "
                + disk.pieces(cut.variant()).stream()
                        .limit(60)
                        .map(piece -> piece.offset() + "+" + piece.length())
                        .toList());
        try (Bench bench = new Bench(run, recording.scenario(), key -> {})) {
            Judge.Finding finding = bench.judge(disk, cut, promise);
            String violation = finding.violation(promise);
            System.out.println(violation.isEmpty() ? "step " + finding.step() + ", held" + finding.note() : violation);
            return violation.isEmpty() ? HELD : FAILED;
        }
    }
}
