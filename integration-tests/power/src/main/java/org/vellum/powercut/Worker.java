// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * One of the processes that judge. It says, a line each, fields separated by tabs:
 *
 * <pre>
 *     VIOLATION cut number what     it was the number-th cut of this process
 *     FAILED number             the write that failed, of a run that has been judged
 *     CHECKED number            images of failing disks that were mounted only when e2fsck had run
 *     IMAGES number             how many images were judged, all different, at the end
 *     CUTS number               how many cuts left them
 *     PHASE name number         how many of them in each phase
 * </pre>
 */
final class Worker {
    private static final int MOST_VIOLATIONS = 50;
    /** Rounds through all cut points, each with other variants. */
    private static final int MOST_ROUNDS = 12;

    /** What regions tell of themselves, thousands of times here; held, since levels of loggers nobody holds are forgotten. */
    private static final Logger LOG = Logger.getLogger("org.vellum");

    private final PrintStream out;
    private final Map<String, Integer> phases = new TreeMap<>();
    private int cuts;
    private int images;
    private int checked;
    private int violations;

    private Worker(PrintStream out) {
        this.out = out;
    }

    /** Arguments: {@code cuts RECORDING PART PARTS IMAGES SECONDS} or {@code sweep RUN-FOLDER SCENARIO PART PARTS EVERY SECONDS}. */
    public static void main(String[] arguments) throws IOException {
        ChildJvm.endWithParent();
        LOG.setLevel(Level.OFF);
        Worker worker = new Worker(System.out);
        long end = System.nanoTime() + Long.parseLong(arguments[arguments.length - 1]) * 1_000_000_000;
        int part = Integer.parseInt(arguments[arguments.length - 4]);
        int parts = Integer.parseInt(arguments[arguments.length - 3]);
        int number = Integer.parseInt(arguments[arguments.length - 2]);
        if (arguments[0].equals("cuts")) {
            Recording recording = Recording.load(Path.of(arguments[1]));
            Programs.unpackTo(RunFolder.of(recording.folder()).programs());
            worker.cut(recording, part, parts, number, end);
        } else {
            RunFolder run = new RunFolder(Path.of(arguments[1]));
            Programs.unpackTo(run.programs());
            worker.sweep(run, Scenario.load(Path.of(arguments[2])), part, parts, number, end);
        }
        worker.phases.forEach((phase, count) -> worker.say("PHASE", phase, count));
        worker.say("CHECKED", worker.checked);
        worker.say("IMAGES", worker.images);
        worker.say("CUTS", worker.cuts);
        worker.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private void say(Object... fields) {
        StringBuilder line = new StringBuilder();
        for (Object field : fields) {
            line.append(line.isEmpty() ? "" : "\t")
                    .append(String.valueOf(field).replace('\t', ' ').replace('\n', ' '));
        }
        out.println(line);
    }

    private void cut(Recording recording, int part, int parts, int wanted, long end) throws IOException {
        List<Integer> all = recording.cutPoints();
        List<Integer> points = all.subList(all.size() * part / parts, all.size() * (part + 1) / parts);
        SplittableRandom draw = new SplittableRandom(recording.scenario().seed() + part);
        try (Bench bench = new Bench(RunFolder.of(recording.folder()), recording.scenario(), this::image)) {
            for (int round = 0; round < MOST_ROUNDS && images < wanted; round++) {
                CutDisk disk = disk(recording);
                // about two of three variants are images that were there before
                double share = 3.0 * (wanted - images) / points.size() / 2;
                for (int point : points) {
                    int variants = share >= 2 ? 2 : draw.nextDouble() < share / 2 ? 2 : 0;
                    if (variants > 0) {
                        disk.advance(point);
                    }
                    for (int variant = 2 * round; variant < 2 * round + variants; variant++) {
                        judge(bench, disk, new Bench.Cut(point, variant), recording.promised(point), "");
                    }
                    checked = bench.checked();
                    // on the slowest machine something is judged
                    boolean late = cuts > 0 && System.nanoTime() > end;
                    if (images >= wanted || late || violations >= MOST_VIOLATIONS) {
                        return;
                    }
                }
            }
        }
    }

    private void image(long key) {
        images++;
    }

    static CutDisk disk(Recording recording) throws IOException {
        Scenario scenario = recording.scenario();
        return new CutDisk(SparseDisk.load(recording.base()), recording.events(), scenario.tear(), scenario.seed());
    }

    private void judge(Bench bench, CutDisk disk, Bench.Cut cut, Promise promise, String note) throws IOException {
        Judge.Finding finding = bench.judge(disk, cut, promise);
        String violation = finding.violation(promise);
        cuts++;
        phases.merge(promise.phase(), 1, Integer::sum);
        if (!violation.isEmpty()) {
            violations++;
            say("VIOLATION", cut, cuts, note + violation);
        }
    }

    /** The same short run again and again, each time with an error at the next write; then a few cuts of it. */
    private void sweep(RunFolder run, Scenario scenario, int part, int parts, int every, long end) throws IOException {
        Recorder recorder = new Recorder(run);
        Path folder = Files.createDirectories(
                run.memory().resolve("sweep-" + ProcessHandle.current().pid()));
        SparseDisk base = recorder.make(scenario.system());
        base.store(folder.resolve("base.img"));
        int failing = part * every;
        for (; (cuts == 0 || System.nanoTime() < end) && violations < MOST_VIOLATIONS; failing += parts * every) {
            Scenario one = scenario.withCommands("FAULT write " + failing + " 1");
            Recording recording = recorder.recordHere(one, base, folder.resolve("events"));
            int fault = firstFault(recording);
            if (fault == recording.events().size()) {
                break;
            }
            say("FAILED", failing);
            judgeSweep(run, recording, fault, "write " + failing + " fails: ");
        }
        RunFolder.delete(folder);
    }

    private static int firstFault(Recording recording) {
        for (int i = 0; i < recording.events().size(); i++) {
            if (recording.events().get(i).kind() == Event.FAULT) {
                return i;
            }
        }
        return recording.events().size();
    }

    private void judgeSweep(RunFolder run, Recording recording, int fault, String note) throws IOException {
        List<Integer> points = new ArrayList<>(recording.cutPoints());
        points.removeIf(point -> point <= fault);
        SplittableRandom draw = new SplittableRandom(fault);
        try (Bench bench = new Bench(run, recording.scenario(), this::image)) {
            CutDisk disk = disk(recording);
            int last = points.get(points.size() - 1);
            for (int point : points) {
                if (point == last) {
                    disk.advance(point);
                    for (int variant = 0; variant < 2; variant++) {
                        judge(bench, disk, new Bench.Cut(point, variant), recording.promised(point), note);
                    }
                    checked += bench.checked();
                } else if (draw.nextInt(points.size()) < 3) {
                    disk.advance(point);
                    judge(bench, disk, new Bench.Cut(point, 2 + draw.nextInt(8)), recording.promised(point), note);
                }
            }
        }
    }
}
