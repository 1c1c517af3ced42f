// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.Region;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** The bounds of the benchmarks that are no times, so they hold or fail the same on every machine. */
final class LoggedBytesTest {
    private static final int STORES = 16;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"write-protect", "dirty-bit"})
    void oneEightByteStoreLogsAtMost256Bytes(String strategy) {
        try (Workbench workbench = new Workbench(
                        folder, new Workbench.Selection("auto", "auto", List.of(strategy), "auto", 0, Duration.ZERO));
                TemporaryRegion temporary = workbench.create(Workbench.MIB, 0, strategy)) {
            Region region = temporary.region();
            for (int epoch = 1; epoch <= 3; epoch++) {
                long logged = LoggedBytesBenchmark.loggedFor(region, 1, epoch);
                assertTrue(
                        logged > 0 && logged <= LoggedBytesBenchmark.BOUND,
                        "epoch " + epoch + " of one 8-byte store logged " + logged + " bytes");
            }
        }
    }

    /** 16 stores of 8 bytes to pages of their own, on persistent memory: in bytes written to the log, or the undo file. */
    @ParameterizedTest
    @CsvSource({"dirty-bit, 4096", "write-protect, 66560"})
    void sixteenRandomStoresOnPersistentMemoryWriteNoMoreThan(String strategy, long bound) {
        try (Workbench workbench = new Workbench(
                        folder, new Workbench.Selection("host", "host", List.of(strategy), "dax", 0, Duration.ZERO));
                TemporaryRegion temporary = workbench.create(64 * Workbench.MIB, 0, strategy)) {
            Region region = temporary.region();
            RegionMemory memory = new RegionMemory(region);
            Random random = new Random(16);
            for (int epoch = 1; epoch <= 5; epoch++) {
                Set<Long> pages = new HashSet<>();
                while (pages.size() < STORES) {
                    pages.add((long) random.nextInt((int) (64 * Workbench.MIB / RegionMemory.PAGE)));
                }
                long before = region.status().loggedBytes();
                for (long page : pages) {
                    memory.putLong(page * RegionMemory.PAGE + Long.BYTES * random.nextInt(512), random.nextLong());
                }
                region.commit();
                long written = region.status().loggedBytes() - before;
                assertTrue(written >= STORES * 64L && written <= bound, strategy + " wrote " + written + " bytes");
            }
        }
    }
}
