// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

/**
 * Opens regions in which a few pages hold something: after a clean close, with the files' pages dropped from the page
 * cache, and after a crash that left as much log as there ever is.
 */
final class OpenBenchmark implements Benchmark {
    private static final long[] SIZES = {64 * Workbench.MIB, Workbench.GIB, 4 * Workbench.GIB, 16 * Workbench.GIB};
    private static final long BOUND_SIZE = 4 * Workbench.GIB;
    private static final double BOUND_MILLISECONDS = 100;
    private static final int ROUNDS = 20;
    private static final int CRASHES = 3;

    @Override
    public String name() {
        return "open";
    }

    @Override
    public String question() {
        return "What does opening cost, by size, with little in the region? And after a crash?";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        Table table =
                new Table("strategy", "size", "closed before by", "page cache", "open, ms", "KiB read", "close, ms");
        for (String strategy : workbench.strategies()) {
            for (long size : SIZES) {
                double slowest = afterClose(workbench, table, strategy, size);
                if (size == BOUND_SIZE) {
                    report.mustHold(
                            strategy + ", opening 4 GiB with little in it, slowest", slowest, BOUND_MILLISECONDS, "ms");
                }
            }
            afterCrash(workbench, table, strategy);
        }
        report.table(table);
        report.note("KiB read: by system calls while opening, plus from the device for page faults");
        report.note("after a crash, opening replays the log that was there at the moment its trimming began");
    }

    /** Milliseconds of the slowest opening, warm or cold. */
    private static double afterClose(Workbench workbench, Table table, String strategy, long size) {
        try (TemporaryRegion temporary = workbench.create(size, 0, strategy)) {
            long pages = size / RegionMemory.PAGE;
            Epochs epochs = new Epochs(temporary.region(), 16, Epochs.eachOnce(Epochs.spreadPages(pages, 16, 1), 2));
            epochs.run();
            temporary.region().close();
            double slowest = 0;
            for (boolean cold : new boolean[] {false, true}) {
                List<Opening> openings = new ArrayList<>();
                for (int i = 0; i < ROUNDS; i++) {
                    if (cold) {
                        dropFromPageCache(temporary.folder());
                    }
                    openings.add(Opening.of(workbench, temporary.folder(), strategy));
                }
                row(table, strategy, size, "close()", cold ? "dropped" : "warm", openings);
                slowest = Math.max(
                        slowest,
                        Opening.distribution(openings, Opening::openMilliseconds)
                                .maximum());
            }
            return slowest;
        }
    }

    private static void afterCrash(Workbench workbench, Table table, String strategy) {
        List<Opening> openings = new ArrayList<>();
        for (int i = 0; i < CRASHES; i++) {
            Path folder = Folders.create(workbench.newPath());
            crash(workbench, folder, strategy);
            openings.add(Opening.of(workbench, folder, strategy));
            Folders.delete(folder);
        }
        row(table, strategy, BOUND_SIZE, "crash", "warm", openings);
    }

    private static void row(
            Table table, String strategy, long size, String closedBy, String cache, List<Opening> openings) {
        table.row(
                strategy,
                size / Workbench.MIB + " MiB",
                closedBy,
                cache,
                Opening.distribution(openings, Opening::openMilliseconds),
                Opening.distribution(openings, opening -> opening.bytesRead() / 1024.0),
                Opening.distribution(openings, Opening::closeMilliseconds));
    }

    /** One opening, and the close after it. */
    private record Opening(double openMilliseconds, double closeMilliseconds, long bytesRead) {
        static Opening of(Workbench workbench, Path folder, String strategy) {
            long readBefore = bytesReadByThisProcess();
            long started = System.nanoTime();
            Region region = workbench.open(folder, RegionOptions.existing(), strategy);
            long opened = System.nanoTime();
            long read = bytesReadByThisProcess() - readBefore;
            long closing = System.nanoTime();
            region.close();
            return new Opening((opened - started) / 1e6, (System.nanoTime() - closing) / 1e6, read);
        }

        static Distribution distribution(List<Opening> openings, java.util.function.ToDoubleFunction<Opening> figure) {
            return Distribution.of(openings.stream().mapToDouble(figure).toArray());
        }
    }

    /** System calls' and the device's share; the kernel counts what both saw twice, which only overstates. */
    private static long bytesReadByThisProcess() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/io"))) {
            return lines.filter(line -> line.startsWith("rchar:") || line.startsWith("read_bytes:"))
                    .mapToLong(line -> Long.parseLong(line.substring(line.indexOf(':') + 2)))
                    .sum();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read what this process has read", e);
        }
    }

    /** By dd, which knows POSIX_FADV_DONTNEED as "nocache"; Java does not. */
    private static void dropFromPageCache(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                run(List.of("dd", "of=" + file, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"));
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot list " + folder, e);
        }
    }

    /** Has another process fill the log of a new region there until it would be trimmed, and die. */
    private static void crash(Workbench workbench, Path folder, String strategy) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), CrashAtTrim.class.getName()));
        command.addAll(CrashAtTrim.arguments(workbench.selection(), folder, strategy, BOUND_SIZE));
        run(command, CrashAtTrim.STATUS);
    }

    private static void run(List<String> command) {
        run(command, 0);
    }

    private static void run(List<String> command, int expectedStatus) {
        try {
            ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
            builder.environment().putAll(Map.of("LC_ALL", "C"));
            int status = builder.start().waitFor();
            if (status != expectedStatus) {
                throw new IllegalStateException(
                        String.join(" ", command) + " ended with " + status + " instead of " + expectedStatus);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot run " + command.get(0), e);
        } catch (InterruptedException e) {
            throw new IllegalStateException("interrupted while waiting for " + command.get(0), e);
        }
    }
}
