// SPDX-License-Identifier: Apache-2.0
package org.vellum.webconsole;

import java.util.List;
import org.osgi.dto.DTO;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.dto.RegionDTO;

/** What the page is drawn from. */
public final class PageData {
    private PageData() {}

    /** One region, now. */
    public static class Now extends DTO {
        /** Its status. */
        public RegionDTO region;
        /** Pages that a cell of the heat map stands for. */
        public long pagesPerCell;
        /** For each cell, epochs since it was last written; -1: not since the region was opened. */
        public long[] ages;
        /** Commits by latency, as {@link RegionActivity#latencies()} counts them. */
        public long[] latencies;
        /** The latest commits, oldest first: milliseconds since 1970, epoch, microseconds, dirty pages, changed bytes. */
        public List<long[]> commits;
    }

    static Now now(Region region, int cells) {
        RegionActivity activity = region.activity();
        RegionActivity.Heat heat = activity.heat(cells);
        Now now = new Now();
        now.region = region.status().toDTO();
        now.pagesPerCell = heat.pagesPerCell();
        now.ages = new long[heat.lastWritten().length];
        for (int cell = 0; cell < now.ages.length; cell++) {
            now.ages[cell] = heat.age(cell);
        }
        now.latencies = activity.latencies();
        now.commits = activity.commits().stream()
                .map(commit -> new long[] {
                    commit.when().toEpochMilli(),
                    commit.epoch(),
                    commit.nanoseconds() / 1000,
                    commit.dirtyPages(),
                    commit.changedBytes()
                })
                .toList();
        return now;
    }
}
