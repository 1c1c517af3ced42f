// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.dax;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Diagnosis;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativePersistence;
import org.vellum.nativelib.Persistence;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;

import static org.vellum.api.provider.Quantity.bytes;

/**
 * What this host has for persistent memory: the instructions and what a line costs with each, in ordinary memory; what the
 * platform keeps through a power cut; whether the folder is on DAX. Makes a file of a page in the folder, or the nearest
 * one there is, and deletes it.
 */
final class DaxDiagnosis implements Diagnosis {
    private static final List<String> INSTRUCTIONS = List.of("clwb", "clflushopt", "clflush");
    /** Fits into every second-level cache, so that what is written back was in one. */
    private static final int MEMORY = 256 << 10;

    private static final int ROUNDS = 9;
    /** Measuring makes nothing durable that anybody relies on, so it is none of the numbered calls. */
    private static final int NO_POINT = 0;

    private final NativeCore core;
    private final NativePersistence library;
    private final Persistence chosen;
    private final PersistenceDomain domain;
    private final DaxFolder folders;
    private final Path directory;
    private final boolean emulate;

    DaxDiagnosis(
            NativeCore core,
            NativePersistence library,
            Persistence chosen,
            PersistenceDomain domain,
            DaxFolder folders,
            Path directory,
            boolean emulate) {
        this.core = core;
        this.library = library;
        this.chosen = chosen;
        this.domain = domain;
        this.folders = folders;
        this.directory = directory;
        this.emulate = emulate;
    }

    @Override
    public String title() {
        return "Store " + DaxStore.NAME;
    }

    @Override
    public List<Finding> examine() {
        List<Finding> findings = new ArrayList<>();
        findings.add(folder());
        findings.add(domain());
        findings.add(Finding.fact("write-back", "by " + chosen.name()));
        try (NativeMemory memory = new NativeMemory(core, 2L * MEMORY)) {
            for (String instruction : INSTRUCTIONS) {
                findings.add(writeBack(instruction, memory));
            }
            findings.add(Finding.works("past the caches", perLine(copyTime(memory)) + ", fence included"));
        } catch (RegionException e) {
            findings.add(Finding.broken("write-back", String.valueOf(e.getMessage())));
        }
        return findings;
    }

    private Finding folder() {
        try {
            if (folders.isDax(directory.resolve("orders.vellum"))) {
                return Finding.works("folder", directory + " is on DAX");
            }
        } catch (FileFailure e) {
            return Finding.lacking("folder", e.getMessage() + "; " + e.wayOut());
        }
        return Finding.lacking(
                "folder",
                DaxStore.lacking(directory)
                        + (emulate
                                ? "; EMULATED there (dax.emulate=true)"
                                : "; mount a file system with -o dax there, or emulate it (dax.emulate=true)"));
    }

    private Finding domain() {
        if (domain.domains().isEmpty()) {
            return Finding.lacking("power cut", "this host has no persistent memory that its kernel knows");
        }
        return Finding.fact(
                "power cut",
                String.join(", ", domain.domains())
                        + (domain.includesCaches()
                                ? ": the platform saves the caches (eADR)"
                                : ": the caches are lost, lines are written back"));
    }

    private Finding writeBack(String instruction, NativeMemory memory) {
        Optional<String> obstacle = library.obstacle(instruction);
        return obstacle.map(sentence -> Finding.lacking(instruction, sentence))
                .orElseGet(() -> Finding.works(
                        instruction, perLine(writeBackTime(library.named(instruction), memory)) + ", fence included"));
    }

    private static String perLine(long nanoseconds) {
        return String.format(
                Locale.ROOT,
                "%.1f ns a line over %s of ordinary memory",
                (double) nanoseconds * NativeCore.LINE_SIZE / MEMORY,
                bytes(MEMORY));
    }

    /** Median, over lines that have just been stored to. */
    private static long writeBackTime(Persistence persistence, NativeMemory memory) {
        ByteBuffer lines = memory.view(0, MEMORY);
        long[] times = new long[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            for (int at = 0; at < MEMORY; at += NativeCore.LINE_SIZE) {
                lines.putLong(at, round);
            }
            long start = System.nanoTime();
            persistence.writeBack(memory.address(), MEMORY, NO_POINT);
            persistence.fence(NO_POINT);
            times[round] = System.nanoTime() - start;
        }
        return median(times);
    }

    private long copyTime(NativeMemory memory) {
        long[] times = new long[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            long start = System.nanoTime();
            chosen.store(memory.address() + MEMORY, memory.address(), MEMORY);
            chosen.fence(NO_POINT);
            times[round] = System.nanoTime() - start;
        }
        return median(times);
    }

    private static long median(long[] times) {
        Arrays.sort(times);
        return times[times.length / 2];
    }
}
