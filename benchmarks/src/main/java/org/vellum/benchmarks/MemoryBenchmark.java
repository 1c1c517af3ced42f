// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;
import org.vellum.api.Region;
import org.vellum.benchmarks.MemoryMap.Use;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

/** What the kernel says a region takes, after opening, reading and writing a known number of its pages. */
final class MemoryBenchmark implements Benchmark {
    private static final int PAGES = 4096;

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public String question() {
        return "What do clean, read and written pages cost in memory? " + PAGES + " pages of a region";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        long size = workbench.selection().size();
        for (String strategy : workbench.strategies()) {
            Table table = new Table(
                    "KiB a page, " + strategy,
                    "region Rss",
                    "region Pss",
                    "alias Rss",
                    "working file",
                    "committed private",
                    "committed shared",
                    "other private");
            try (TemporaryRegion temporary = workbench.create(size, 0, strategy)) {
                Region region = temporary.region();
                RegionMemory memory = new RegionMemory(region);
                Map<String, Use> uses = new LinkedHashMap<>();
                uses.put("opened", MemoryMap.of(region));
                for (long page = 0; page < PAGES; page++) {
                    memory.getLong(page * RegionMemory.PAGE);
                }
                uses.put("read", MemoryMap.of(region));
                for (long page = 0; page < PAGES; page++) {
                    memory.putLong(page * RegionMemory.PAGE, page + 1);
                }
                uses.put("written, before commit", MemoryMap.of(region));
                region.commit();
                uses.put("written, after commit", MemoryMap.of(region));
                new Epochs(region, 1, Epochs.sequentialOf(PAGES)).run();
                uses.put("after another commit", MemoryMap.of(region));
                Use opened = uses.get("opened");
                uses.forEach((label, use) -> row(table, label, use.minus(opened), PAGES));

                // one page in each block that is still cold: the blocks' grain shows
                Use before = MemoryMap.of(region);
                long[] sparse = Epochs.spreadPages(region.size() / RegionMemory.PAGE / 2, 1024, 1);
                for (int i = 0; i < sparse.length; i++) {
                    sparse[i] += region.size() / RegionMemory.PAGE / 2;
                }
                new Epochs(region, sparse.length, Epochs.eachOnce(sparse, 1)).run();
                row(
                        table,
                        "1024 pages far apart, committed",
                        MemoryMap.of(region).minus(before),
                        sparse.length);
                report.table(table);
                report.note("opened, in all, KiB: " + opened);
            }
        }
    }

    private static void row(Table table, String label, Use use, int pages) {
        table.row(
                label,
                (double) use.regionRss() / pages,
                (double) use.regionPss() / pages,
                (double) use.aliasRss() / pages,
                (double) use.workingFile() / pages,
                (double) use.committedPrivate() / pages,
                (double) use.committedShared() / pages,
                (double) use.otherPrivate() / pages);
    }
}
