// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.powercut.Scenario.Act;
import org.vellum.store.image.offline.OfflineImage;
import org.vellum.verify.Verify;

/**
 * Commits step after step on a recorded disk, and marks what it begins and what it was promised:
 *
 * <pre>
 *     FOUND step epoch     the region is open and holds that step
 *     TRY step             its stores begin
 *     ACK step epoch       commit has returned that epoch
 *     WITHDRAWN step       its stores were rolled back
 *     DAMAGING, DAMAGED epoch, REPAIRED, REPLACED     the stations of a repair, see {@link Promise.Repair}
 *     PHASE phase, DO act  for figures
 * </pre>
 */
final class Victim {
    /** Begins a command to the disk that is given when the region is open, behind ranges of where its files are. */
    static final String WHEN_OPEN = "WHEN-OPEN ";

    /** Pages are damaged in this batch of each segment, counted from 0. */
    private static final int DAMAGED_BATCH = 2;

    private static final int BATCH_MAGIC = 0x54414256;
    private static final int BATCH_HEADER = 64;
    private static final int BATCH_LENGTH = 32;
    private static final int FULL_FROM = 10;
    private static final int FULL_TO = 28;
    private static final int NOTHING_TO_SEE = 3;

    private final PrintStream out;
    private final Scenario scenario;
    private final FileChannel control;
    private final Path root;
    private final Set<Long> withdrawn;
    private final Workload workload;
    private String folder = "a";

    /** @param out gets what happens, for people */
    Victim(Scenario scenario, FileChannel control, Path root, PrintStream out) {
        this.out = out;
        this.scenario = scenario;
        this.control = control;
        this.root = root;
        withdrawn = new HashSet<>(scenario.first().withdrawn());
        workload = new Workload(scenario.seed(), Stack.SIZE);
    }

    /** Arguments: the scenario's file, the file for marks, the folder, the last step. */
    public static void main(String[] arguments) throws Exception {
        Scenario scenario = Scenario.load(Path.of(arguments[0]));
        try (FileChannel control = FileChannel.open(Path.of(arguments[1]), StandardOpenOption.WRITE)) {
            new Victim(scenario, control, Path.of(arguments[2]), System.out).run(Long.parseLong(arguments[3]));
        }
        System.out.println("done");
        System.out.flush();
        // what a JVM does at its end has nothing to tell us
        Runtime.getRuntime().halt(0);
    }

    private void mark(String text) {
        try {
            RecordingDisk.mark(control, text);
        } catch (IOException e) {
            throw new IllegalStateException("no mark can be made", e);
        }
    }

    void run(long last) throws IOException {
        AtomicBoolean end = new AtomicBoolean();
        Thread others = scenario.does(Act.BUSY) ? others(end) : null;
        try (Stack stack = new Stack(root, scenario.strategy(), scenario.logSize())) {
            if (scenario.does(Act.REPAIR) && !stack.images().isEmpty()) {
                repair(stack);
            }
            stack.observe(new Marking());
            steps(stack, last);
        } finally {
            end.set(true);
            if (others != null) {
                join(others);
            }
        }
    }

    private final class Marking implements PhaseObserver {
        @Override
        public void entered(String region, Phase phase) {
            if (phase != Phase.STORE && phase != Phase.CUT) {
                mark("PHASE " + phase.name().toLowerCase(java.util.Locale.ROOT));
            }
        }

        @Override
        public void left(String region, Phase phase) {
            mark("PHASE behind-" + phase.name().toLowerCase(java.util.Locale.ROOT));
        }
    }

    private void steps(Stack stack, long last) throws IOException {
        Region region = open(stack);
        for (String command : scenario.commands()) {
            if (command.startsWith(WHEN_OPEN)) {
                if (!scenario.system().type().equals("btrfs")) {
                    // what a file system has on its way itself it does not write again, and nobody can help that
                    Extents.of(stack.files(folder)).forEach(this::mark);
                }
                mark(command.substring(WHEN_OPEN.length()));
            }
        }
        for (long step = Workload.stepOf(Stack.content(region)) + 1; step <= last; step++) {
            if (scenario.does(Act.KILL) && step == last) {
                killSoon(step);
            }
            if (scenario.does(Act.FULL) && step == FULL_FROM) {
                fill();
            }
            if (scenario.does(Act.FULL) && step == FULL_TO) {
                Files.delete(root.resolve("fill"));
                mark("DO room");
            }
            step(region, step);
            if (scenario.does(Act.REOPEN) && step % 7 == 3) {
                mark("DO close");
                region.close();
                mark("DO closed");
                region = open(stack);
            }
            if (scenario.does(Act.MOVE) && step % 8 == 4) {
                folder = folder.equals("a") ? "b" : "a";
                mark("DO move");
                region.swap(Map.of("store", Stack.store(folder)));
                mark("DO moved");
            }
        }
        if (scenario.does(Act.REPAIR)) {
            // its log is left as it is, for the next life
            System.out.println("done");
            System.out.flush();
            Kernel.kill((int) ProcessHandle.current().pid(), Kernel.SIGKILL);
        }
        mark("DO close");
        region.close();
        mark("DO closed");
    }

    private Region open(Stack stack) {
        List<String> there = stack.images();
        Region region = null;
        for (String candidate : there) {
            try {
                region = stack.open(candidate);
                folder = candidate;
                break;
            } catch (RegionException e) {
                if (candidate.equals(there.get(there.size() - 1))) {
                    throw e;
                }
            }
        }
        if (region == null) {
            region = stack.create("a");
            folder = "a";
        }
        long step = Workload.stepOf(Stack.content(region));
        String wrong = Workload.difference(Stack.content(region), workload.state(step, withdrawn));
        if (!wrong.isEmpty()) {
            throw new IllegalStateException("opened at step " + step + ": " + wrong);
        }
        mark("FOUND " + step + " " + region.status().epoch());
        return region;
    }

    private void step(Region region, long step) {
        ByteBuffer content = Stack.content(region);
        if (workload.rollsBackBefore(step)) {
            workload.storeToTakeBack(content, step);
            region.rollback();
        }
        mark("TRY " + step);
        workload.store(content, step);
        for (int attempt = 0; attempt < 3; attempt++) {
            try {
                mark("ACK " + step + " " + region.commit());
                return;
            } catch (RegionException e) {
                say("step " + step + ": " + e.getMessage());
                Pause.milliseconds(20);
            }
        }
        region.rollback();
        withdrawn.add(step);
        mark("WITHDRAWN " + step);
        say("step " + step + ": rolled back");
    }

    private void say(String text) {
        out.println(text);
    }

    /** They sync files of theirs, so that transactions of the file system end at any moment. */
    private Thread others(AtomicBoolean end) throws IOException {
        Path theirs = Files.createDirectories(root.resolve("others"));
        Thread thread = new Thread(
                () -> {
                    for (int i = 0; !end.get(); i++) {
                        Path file = theirs.resolve("f" + i % 5);
                        try (FileChannel channel =
                                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                            channel.write(ByteBuffer.allocate(100 + i % 3 * 4000), 0);
                            channel.force(true);
                            Files.move(file, theirs.resolve("g" + i % 7), StandardCopyOption.REPLACE_EXISTING);
                        } catch (IOException e) {
                            return;
                        }
                    }
                },
                "others");
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Until there is no room for a block. */
    private void fill() {
        long written = 0;
        try (FileChannel file =
                FileChannel.open(root.resolve("fill"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            for (int size = 1 << 20; size >= 4096; size /= 4) {
                try {
                    while (true) {
                        written += file.write(ByteBuffer.allocate(size), written);
                        if (written % (32 << 20) == 0) {
                            // what a file system has only promised it may still refuse
                            file.force(false);
                        }
                    }
                } catch (IOException e) {
                    say("full: " + e.getMessage());
                }
            }
            file.force(true);
        } catch (IOException e) {
            say("full: sync: " + e.getMessage());
        }
        mark("DO full");
    }

    private void killSoon(long step) {
        long wait = (scenario.seed() * 31 + step) * 7919 % 9_000_000;
        Thread killer = new Thread(
                () -> {
                    long end = System.nanoTime() + wait;
                    while (System.nanoTime() < end) {
                        Thread.onSpinWait();
                    }
                    Kernel.kill((int) ProcessHandle.current().pid(), Kernel.SIGKILL);
                },
                "killer");
        killer.setDaemon(true);
        killer.start();
    }

    /** Damages a batch in the middle of the log, and repairs the image by the command for it. */
    private void repair(Stack stack) throws IOException {
        mark("DAMAGING");
        damage(stack);
        OptionalEpoch intact = OptionalEpoch.of(stack);
        if (intact.epoch() < 0) {
            say("beyond repair, since lines of later epochs had gone home before");
            Runtime.getRuntime().halt(NOTHING_TO_SEE);
        }
        mark("DAMAGED " + intact.epoch());
        int status = repairCommand(
                stack,
                line -> {
                    if (line.startsWith("repaired to")) {
                        mark("REPAIRED");
                    } else if (line.startsWith("it is ")) {
                        mark("REPLACED");
                    }
                },
                this::say);
        if (status != 0) {
            throw new IllegalStateException("the repair ended with status " + status);
        }
    }

    /** The epoch that a repair can bring back, -1 for none. */
    private record OptionalEpoch(long epoch) {
        static OptionalEpoch of(Stack stack) {
            try (OfflineImage image = OfflineImage.open(stack.core(), stack.files("a"))) {
                return new OptionalEpoch(image.report().intactEpoch().orElse(-1));
            }
        }
    }

    /** {@code vellum verify --repair --in-place}, each line that it says, and each line of its errors. */
    static int repairCommand(Stack stack, Consumer<String> said, Consumer<String> errors) {
        PrintStream out = System.out;
        PrintStream err = System.err;
        System.setOut(new PrintStream(new LineStream(said), true));
        System.setErr(new PrintStream(new LineStream(errors), true));
        try {
            return new Verify(stack.core())
                    .applyAsInt(List.of(
                            "--repair", "--in-place", stack.files("a").home().toString()));
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
    }

    private static void damage(Stack stack) throws IOException {
        for (int segment = 0; segment < 2; segment++) {
            try (FileChannel file = FileChannel.open(
                    stack.files("a").log(segment), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                ByteBuffer all = ByteBuffer.allocate((int) file.size()).order(ByteOrder.LITTLE_ENDIAN);
                while (all.hasRemaining() && file.read(all, all.position()) > 0) {
                    // short reads go on
                }
                int at = 0;
                for (int batch = 0; at + BATCH_HEADER <= all.capacity() && all.getInt(at) == BATCH_MAGIC; batch++) {
                    if (batch == DAMAGED_BATCH) {
                        int victim = at + BATCH_HEADER + 6;
                        file.write(ByteBuffer.wrap(new byte[] {(byte) ~all.get(victim)}), victim);
                        break;
                    }
                    at += (int) (BATCH_HEADER + all.getLong(at + BATCH_LENGTH) + BATCH_HEADER - 1) & -BATCH_HEADER;
                }
                file.force(true);
            }
        }
    }
}
