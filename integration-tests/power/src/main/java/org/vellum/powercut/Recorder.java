// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.vellum.api.RegionException;

/** Runs a scenario on a recording disk. */
final class Recorder {
    private static final long LONGEST_LIFE_SECONDS = 600;
    private static final PrintStream NOWHERE = new PrintStream(OutputStream.nullOutputStream());
    private static final int KILLED = 128 + Kernel.SIGKILL;

    private final RunFolder run;

    Recorder(RunFolder run) {
        this.run = run;
    }

    /** A new file system of this kind, never mounted before. */
    SparseDisk make(FileSystem system) throws IOException {
        Path file = run.memory().resolve("new-" + ProcessHandle.current().pid());
        try {
            new SparseDisk(system.size()).store(file);
            Programs.run(system.makeCommand(file.toString()), 0);
            return SparseDisk.load(file);
        } finally {
            Files.deleteIfExists(file);
        }
    }

    /**
     * Records into a folder.
     *
     * @throws IOException also when the program ended as it must not
     */
    Recording record(Path folder, Scenario scenario, SparseDisk base) throws IOException {
        Files.createDirectories(folder);
        base.store(folder.resolve("base.img"));
        scenario.save(folder.resolve("scenario.properties"));
        List<Integer> ends = new ArrayList<>();
        run(scenario, base, folder.resolve("events"), (disk, root) -> {
            for (int life = 0; life < scenario.lives(); life++) {
                int end = live(folder, scenario, disk, root, (long) scenario.steps() * (life + 1) / scenario.lives());
                disk.mark("LIFE " + life + " ended with " + end);
                ends.add(end);
            }
        });
        boolean mayFail = !scenario.commands().isEmpty() || !scenario.lie().isEmpty();
        for (int end : ends) {
            boolean asPlanned = end == 0
                    || (end == KILLED && (scenario.does(Scenario.Act.KILL) || scenario.does(Scenario.Act.REPAIR)));
            if (!asPlanned && !mayFail) {
                throw new IOException(
                        scenario + ": the program ended with status " + end + "; see " + folder.resolve("program.log"));
            }
        }
        return Recording.load(folder);
    }

    /** Without a process of its own: for many short ones. The events' file is kept in memory. */
    Recording recordHere(Scenario scenario, SparseDisk base, Path events) throws IOException {
        run(scenario, base, events, (disk, root) -> {
            try (FileChannel control = FileChannel.open(disk.controlFile(), StandardOpenOption.WRITE)) {
                new Victim(scenario, control, root, NOWHERE).run(scenario.steps());
            } catch (RegionException e) {
                disk.mark("DO failed: " + e.getMessage());
            }
        });
        return Recording.load(events.getParent(), scenario, events);
    }

    private interface Life {
        void on(RecordingDisk disk, Path root) throws IOException;
    }

    private void run(Scenario scenario, SparseDisk base, Path events, Life life) throws IOException {
        long process = ProcessHandle.current().pid();
        Path image = run.memory().resolve("image-" + process);
        Path durable = run.memory().resolve("durable-" + process);
        base.store(image);
        base.store(durable);
        try {
            if (scenario.system().needsCheck() && !scenario.first().equals(Promise.NOTHING)) {
                Bench.check(image);
                SparseDisk.load(image).store(durable);
            }
            try (RecordingDisk disk = RecordingDisk.start(run.diskPoint(), image, durable, events);
                    Mounted mounted = Mounted.at(run.mountPoint(), scenario.system(), disk.device())) {
                disk.mark("MOUNTED");
                for (String command : scenario.commands()) {
                    if (!command.startsWith(Victim.WHEN_OPEN)) {
                        disk.mark(command);
                    }
                }
                life.on(disk, mounted.root());
                disk.mark("END");
                for (String kind : new String[] {"write", "flush", "flush-loses", "read"}) {
                    disk.mark("FAULT " + kind + " 0 0");
                }
            }
        } finally {
            Files.deleteIfExists(image);
            Files.deleteIfExists(durable);
        }
    }

    private static int live(Path folder, Scenario scenario, RecordingDisk disk, Path root, long last)
            throws IOException {
        ProcessBuilder builder = new ProcessBuilder(ChildJvm.command(
                Victim.class,
                List.of(
                        folder.resolve("scenario.properties").toString(),
                                disk.controlFile().toString(),
                        root.toString(), Long.toString(last))));
        builder.redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        folder.resolve("program.log").toFile()));
        if (!scenario.lie().isEmpty()) {
            builder.environment().put("LD_PRELOAD", Programs.lie().toString());
            builder.environment().put("VELLUM_POWER_LIE", scenario.lie());
        }
        Process process = builder.start();
        try {
            if (!process.waitFor(LONGEST_LIFE_SECONDS, TimeUnit.SECONDS)) {
                throw new IOException(scenario + ": the program does not end");
            }
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            process.destroyForcibly();
        }
    }
}
