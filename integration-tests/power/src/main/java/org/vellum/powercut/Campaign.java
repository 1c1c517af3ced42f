// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.vellum.powercut.Scenario.Act;

/** Records scenarios on file systems, has cuts of them judged, and sums up. */
final class Campaign {
    static final int WORKERS = 2;
    /** With less for a file system, only some of the scenarios are drawn. */
    private static final int IMAGES_FOR_ALL = 500;
    /** Violations that say the same in other numbers are shown once. */
    private static final int MOST_SHOWN = 6;

    private static final int SHORT_STEPS = 24;
    private static final int SWEEP_STEPS = 9;

    private final RunFolder run;
    private final PrintStream out;
    private long end;
    private final Recorder recorder;
    private int recordings;
    private boolean held = true;
    private boolean complete = true;

    Campaign(RunFolder run, PrintStream out) {
        this.run = run;
        this.out = out;
        recorder = new Recorder(run);
    }

    /**
     * What is not begun then is left out, and the report says so. Something of each file system is always done.
     *
     * @param newEnd by {@link System#nanoTime}
     */
    void endAt(long newEnd) {
        end = newEnd;
    }

    /** Of a recording, or of several. */
    static final class Figures {
        int cuts;
        int images;
        int checked;
        /** Which cut of its process showed the first one. */
        int firstViolation = Integer.MAX_VALUE;

        final List<String> violations = new ArrayList<>();
        final Map<String, Integer> phases = new TreeMap<>();
        final List<Integer> failedWrites = new ArrayList<>();

        void add(Figures other) {
            cuts += other.cuts;
            images += other.images;
            checked += other.checked;
            firstViolation = Math.min(firstViolation, other.firstViolation);
            violations.addAll(other.violations);
            failedWrites.addAll(other.failedWrites);
            other.phases.forEach((phase, count) -> phases.merge(phase, count, Integer::sum));
        }
    }

    boolean held() {
        return held;
    }

    boolean complete() {
        return complete;
    }

    private long secondsLeft() {
        return (end - System.nanoTime()) / 1_000_000_000;
    }

    /**
     * All scenarios on a file system, or some of them.
     *
     * @param images about so many different ones; 0: only the sweep
     * @param sweepEvery an error at each so-many-th write; 0: none
     * @return what was judged
     */
    Figures on(FileSystem system, int images, int sweepEvery, long seed) throws IOException {
        Figures all = new Figures();
        SparseDisk base = recorder.make(system);
        List<Part> parts = images == 0
                ? List.of()
                : images >= IMAGES_FOR_ALL ? parts(system, seed) : draw(parts(system, seed), seed);
        double weights = parts.stream().mapToDouble(Part::weight).sum();
        for (Part part : parts) {
            if (secondsLeft() <= 0 && all.cuts > 0) {
                complete = false;
                break;
            }
            int wanted = (int) Math.ceil(images * part.weight() / weights);
            all.add(record(part.scenario(), base, part.nested() > 0 ? wanted * 3 / 4 : wanted, part.nested()));
        }
        if (sweepEvery > 0) {
            all.add(sweep(system, sweepEvery, seed));
        }
        if (all.images == 0) {
            out.println("  nothing was judged on " + system.label());
            held = false;
        }
        return all;
    }

    /**
     * @param weight its part of the images
     * @param nested power cuts whose recoveries are cut in turn
     */
    private record Part(Scenario scenario, double weight, int nested) {}

    private static List<Part> parts(FileSystem system, long seed) {
        List<Part> parts = new ArrayList<>(List.of(
                new Part(Scenario.of(system, "dirty-bit", seed, Act.REOPEN), 6, 3),
                new Part(Scenario.of(system, "write-protect", seed + 1, Act.MOVE, Act.KILL), 5, 2),
                new Part(
                        Scenario.of(system, "write-protect", seed + 2, Act.REOPEN, Act.BUSY)
                                .withCommands("DELAY write 15 1500", "DELAY flush 25 4000"),
                        5,
                        1),
                new Part(Scenario.of(system, "dirty-bit", seed + 3, Act.REPAIR), 2, 0),
                new Part(Scenario.of(system, "write-protect", seed + 4, Act.FULL), 3, 1)));
        String[] faults = {
            "FAULT flush 25 1",
            "FAULT flush 60 2",
            "FAULT write 120 1",
            "FAULT write 420 3",
            "FAULT write 200 100000",
            "FAULT flush 50 100000",
            Victim.WHEN_OPEN + "FAULT flush-loses 4 1",
            Victim.WHEN_OPEN + "FAULT flush-loses 11 1",
            Victim.WHEN_OPEN + "FAULT flush-loses 20 2"
        };
        for (int i = 0; i < faults.length; i++) {
            parts.add(new Part(
                    Scenario.of(system, i % 2 == 0 ? "dirty-bit" : "write-protect", seed + 10 + i, Act.REOPEN)
                            .withSteps(SHORT_STEPS)
                            .withCommands(faults[i]),
                    0.7,
                    0));
        }
        return parts;
    }

    /** For a short run: one of those without faults and one with, shorter. */
    private static List<Part> draw(List<Part> all, long seed) {
        Random draw = new Random(seed);
        List<Part> working = new ArrayList<>();
        List<Part> failing = new ArrayList<>();
        for (Part part : all) {
            boolean fails = part.scenario().commands().stream().anyMatch(command -> command.contains("FAULT"));
            (fails ? failing : working).add(part);
        }
        Collections.shuffle(working, draw);
        Collections.shuffle(failing, draw);
        Scenario first = working.get(0).scenario();
        return List.of(
                new Part(first.does(Act.REPAIR) ? first : first.withSteps(30), 2, 0),
                new Part(failing.get(0).scenario(), 1, 0));
    }

    /** Records a scenario and has cuts of it judged; then, on what some of them left, the next one. */
    Figures record(Scenario scenario, SparseDisk base, int wanted, int nested) throws IOException {
        long began = System.nanoTime();
        Path folder = run.recording(recordings++);
        Recording recording;
        try {
            recording = recorder.record(folder, scenario, base);
        } catch (IOException e) {
            out.println(scenario + ": NOT RECORDED: " + e.getMessage());
            held = false;
            return new Figures();
        }
        Figures figures = judge(recording, wanted);
        print(scenario, recording, figures, began);
        Random draw = new Random(scenario.seed());
        for (int i = 0; i < nested && secondsLeft() > 0; i++) {
            figures.add(behind(recording, draw, Math.max(10, wanted / 3 / nested)));
        }
        if (figures.violations.isEmpty()) {
            RunFolder.delete(folder);
        }
        return figures;
    }

    /** A power cut with something on its way, and what follows it is cut again. */
    private Figures behind(Recording recording, Random draw, int wanted) throws IOException {
        List<Integer> points = recording.cutPoints();
        CutDisk disk = Worker.disk(recording);
        int point = points.get(points.size() / 5 + draw.nextInt(points.size() * 4 / 5));
        disk.advance(point);
        Path left = run.memory().resolve("left");
        disk.store(disk.pieces(2 + draw.nextInt(30)), left);
        SparseDisk base = SparseDisk.load(left);
        Files.delete(left);
        return record(recording.scenario().then(recording.promised(point)), base, wanted, 0);
    }

    /**
     * A scenario that does not keep what it promises.
     *
     * @return whether the harness sees it, within so many cuts
     */
    boolean control(Scenario scenario, int mostCuts) throws IOException {
        Path folder = run.recording(recordings++);
        Recording recording = recorder.record(folder, scenario, recorder.make(scenario.system()));
        Figures figures = work(List.of(List.of(
                "cuts",
                folder.toString(),
                "0",
                "1",
                Integer.toString(mostCuts),
                Long.toString(Math.max(1, secondsLeft())))));
        boolean caught = figures.firstViolation <= mostCuts;
        out.printf(
                "  control: %s: %,d commits; %s%n",
                scenario,
                recording.acknowledged(),
                caught ? "caught at cut " + figures.firstViolation : "NOT CAUGHT within " + mostCuts + " cuts");
        held &= caught;
        if (caught) {
            RunFolder.delete(folder);
        }
        return caught;
    }

    private void print(Scenario scenario, Recording recording, Figures figures, long began) {
        out.printf(
                "  %s: %,d writes, %,d flushes, %,d errors, %,d commits; %,d cuts, %,d images, %,d violations, %d s%n",
                scenario,
                recording.count(Event.WRITE) + recording.count(Event.ZEROS),
                recording.count(Event.FLUSHED),
                recording.count(Event.FAULT),
                recording.acknowledged(),
                figures.cuts,
                figures.images,
                figures.violations.size(),
                (System.nanoTime() - began) / 1_000_000_000);
        checked(figures);
        violations(recording.folder(), figures);
    }

    private void checked(Figures figures) {
        if (figures.checked > 0) {
            out.println("    " + figures.checked + " of them mounted only when e2fsck had run");
        }
    }

    private void violations(Path folder, Figures figures) {
        if (figures.violations.isEmpty()) {
            return;
        }
        held = false;
        Set<String> kinds = new HashSet<>();
        for (String violation : figures.violations) {
            String[] fields = violation.split("\t", 2);
            if (kinds.size() < MOST_SHOWN && kinds.add(fields[1].replaceAll("[0-9a-f]*[0-9][0-9a-f]*", "#"))) {
                out.println("    " + fields[0] + ": " + fields[1]);
            }
        }
        if (folder != null) {
            out.println("    again: ./vellum powercut --repeat " + folder + " --cut "
                    + figures.violations.get(0).split("\t")[0]);
        }
    }

    private Figures judge(Recording recording, int wanted) throws IOException {
        List<List<String>> workers = new ArrayList<>();
        int share = (wanted + WORKERS - 1) / WORKERS;
        for (int part = 0; part < WORKERS; part++) {
            workers.add(List.of(
                    "cuts",
                    recording.folder().toString(),
                    Integer.toString(part),
                    Integer.toString(WORKERS),
                    Integer.toString(share),
                    Long.toString(Math.max(1, secondsLeft()))));
        }
        return work(workers);
    }

    /** A short run again and again, with an error at the next write each time. */
    Figures sweep(FileSystem system, int every, long seed) throws IOException {
        long began = System.nanoTime();
        Scenario scenario = Scenario.of(system, seed % 2 == 0 ? "dirty-bit" : "write-protect", seed + 30)
                .withSteps(SWEEP_STEPS);
        Path file = run.memory().resolve("sweep.properties");
        scenario.save(file);
        List<List<String>> workers = new ArrayList<>();
        for (int part = 0; part < WORKERS; part++) {
            workers.add(List.of(
                    "sweep",
                    run.path().toString(),
                    file.toString(),
                    Integer.toString(part),
                    Integer.toString(WORKERS),
                    Integer.toString(every),
                    Long.toString(Math.max(1, secondsLeft()))));
        }
        Figures figures = work(workers);
        int last =
                figures.failedWrites.stream().mapToInt(Integer::intValue).max().orElse(-1);
        out.printf(
                "  %s, an error at %s write (%,d runs, to write %,d): %,d cuts, %,d images, %,d violations, %d s%n",
                scenario,
                every == 1 ? "every" : "every " + every + "th",
                figures.failedWrites.size(),
                last,
                figures.cuts,
                figures.images,
                figures.violations.size(),
                (System.nanoTime() - began) / 1_000_000_000);
        checked(figures);
        violations(null, figures);
        if (!figures.violations.isEmpty()) {
            String write = figures.violations.get(0).replaceFirst("^[^\t]*\twrite (\\d+) fails.*", "$1");
            out.println(
                    "    again: ./vellum powercut --file-systems " + system.label() + " --scenario commits --strategy "
                            + scenario.strategy() + " --steps " + SWEEP_STEPS + " --command 'FAULT write " + write
                            + " 1' --seed "
                            + scenario.seed());
        }
        return figures;
    }

    private Figures work(List<List<String>> workers) throws IOException {
        List<Process> processes = new ArrayList<>();
        try {
            for (List<String> arguments : workers) {
                processes.add(new ProcessBuilder(ChildJvm.commandWithOwnMounts(Worker.class, arguments))
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start());
            }
            Figures figures = new Figures();
            List<Thread> readers = new ArrayList<>();
            for (Process process : processes) {
                Thread reader = new Thread(() -> read(process, figures), "reader");
                reader.start();
                readers.add(reader);
            }
            for (Thread reader : readers) {
                reader.join();
            }
            for (Process process : processes) {
                if (process.waitFor() != 0) {
                    throw new IOException("a process that judges has ended with status " + process.exitValue());
                }
            }
            return figures;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            processes.forEach(Process::destroyForcibly);
        }
    }

    private static void read(Process process, Figures figures) {
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] fields = line.split("\t");
                synchronized (figures) {
                    switch (fields[0]) {
                        case "VIOLATION" -> {
                            figures.violations.add(fields[1] + "\t" + fields[3]);
                            figures.firstViolation = Math.min(figures.firstViolation, Integer.parseInt(fields[2]));
                        }
                        case "FAILED" -> figures.failedWrites.add(Integer.parseInt(fields[1]));
                        case "IMAGES" -> figures.images += Integer.parseInt(fields[1]);
                        case "CHECKED" -> figures.checked += Integer.parseInt(fields[1]);
                        case "CUTS" -> figures.cuts += Integer.parseInt(fields[1]);
                        case "PHASE" -> figures.phases.merge(fields[1], Integer.parseInt(fields[2]), Integer::sum);
                        default -> System.err.println(line);
                    }
                }
            }
        } catch (IOException e) {
            // its status tells
        }
    }
}
