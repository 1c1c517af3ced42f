// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

import java.time.Instant;
import java.util.List;
import org.osgi.annotation.versioning.ProviderType;

/**
 * What a region did lately. Kept in memory since the region was opened; may be asked for at any time by any thread, also of a
 * closed region, and never waits for a commit.
 */
@ProviderType
public interface RegionActivity {
    /** Number of latency classes in {@link #latencies()}. */
    int LATENCY_CLASSES = 32;

    /**
     * A commit that wrote an epoch.
     *
     * @param when it became durable
     * @param epoch the epoch
     * @param nanoseconds from the call of commit, once it was its turn, until the epoch was durable and applied
     * @param dirtyPages pages its cut found stored to
     * @param changedBytes bytes of the 64-byte lines that had changed
     */
    record Commit(Instant when, long epoch, long nanoseconds, long dirtyPages, long changedBytes) {}

    /**
     * Where a region was written, by cells of equal size from its start on (the last one may stand for less).
     *
     * @param epoch the last durable epoch
     * @param pagesPerCell how many pages a cell stands for
     * @param lastWritten for each cell the latest epoch in which one of its pages was written; 0: none since the region was
     *     opened
     */
    record Heat(long epoch, long pagesPerCell, long[] lastWritten) {
        /** Epochs since a cell was last written, 0 for the latest; -1 when it was not since the region was opened. */
        public long age(int cell) {
            return lastWritten[cell] == 0 ? -1 : Math.max(0, epoch - lastWritten[cell]);
        }
    }

    /** The latest commits, oldest first; a few hundred at most. */
    List<Commit> commits();

    /**
     * How long commits took since the region was opened: the element at {@code i} counts those of at least 2^i and less than
     * 2^(i + 1) microseconds; the first one also those that were quicker.
     */
    long[] latencies();

    /**
     * Where the region was written, in at most so many cells. Costs in proportion to the region's pages, a few milliseconds for
     * a million.
     *
     * @param cells at least 1
     */
    Heat heat(int cells);
}
