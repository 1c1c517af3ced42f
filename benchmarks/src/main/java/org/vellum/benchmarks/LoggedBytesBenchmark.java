// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import org.vellum.api.Region;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

/** Bytes written to the log for epochs of known size. Counts, not times: the same in every run. */
final class LoggedBytesBenchmark implements Benchmark {
    static final long BOUND = 256;

    @Override
    public String name() {
        return "logged-bytes";
    }

    @Override
    public String question() {
        return "How many bytes does the log take for what was stored?";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        Table table = new Table("strategy", "epoch", "bytes stored", "bytes logged", "logged per stored");
        for (String strategy : workbench.strategies()) {
            try (TemporaryRegion temporary = workbench.create(64 * Workbench.MIB, 0, strategy)) {
                Region region = temporary.region();
                long one = loggedFor(region, 1, 1);
                row(table, strategy, "1 store", 1, one);
                row(table, strategy, "8 stores to a line", 8, loggedFor(region, 8, 1));
                row(table, strategy, "16 pages, 1 store each", 16, loggedForPages(region, 16, 1));
                row(table, strategy, "16 pages, all of each", 16 * 512, loggedForPages(region, 16, 512));
                row(table, strategy, "1024 pages, 1 store each", 1024, loggedForPages(region, 1024, 1));
                report.mustHold(strategy + ", log of one 8-byte store", (double) one, BOUND, "bytes");
            }
        }
        report.table(table);
    }

    private static void row(Table table, String strategy, String epoch, long stores, long logged) {
        table.row(strategy, epoch, stores * Long.BYTES, logged, (double) logged / (stores * Long.BYTES));
    }

    /** Bytes logged for {@code stores} neighbouring 8-byte stores from the start of a page on. */
    static long loggedFor(Region region, int stores, long value) {
        RegionMemory memory = new RegionMemory(region);
        long before = region.status().loggedBytes();
        for (int i = 0; i < stores; i++) {
            memory.putLong((long) i * Long.BYTES, memory.getLong((long) i * Long.BYTES) + value);
        }
        region.commit();
        return region.status().loggedBytes() - before;
    }

    private static long loggedForPages(Region region, int pages, int storesEach) {
        RegionMemory memory = new RegionMemory(region);
        long before = region.status().loggedBytes();
        for (long page = 0; page < pages; page++) {
            for (int i = 0; i < storesEach; i++) {
                long offset = page * RegionMemory.PAGE + (long) i * Long.BYTES;
                memory.putLong(offset, memory.getLong(offset) + 1);
            }
        }
        region.commit();
        return region.status().loggedBytes() - before;
    }
}
