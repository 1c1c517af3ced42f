// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.vellum.api.RegionActivity;

/**
 * Notes what a region does. {@link #wrote} and {@link #committed} are called by one thread at a time, the one that commits;
 * the other methods by any.
 */
public final class Activity implements RegionActivity {
    /** Entries of the array below at most: 8 MiB. */
    private static final long MOST_BLOCKS = 1 << 20;

    private static final int KEPT_COMMITS = 512;

    private final long pages;
    /** Log2 of the pages in a block. */
    private final int shift;
    /**
     * The last epoch in which each block was written. Read without synchronization: a reader may miss the latest epoch, and
     * sees each number whole.
     */
    private final long[] lastWritten;

    /** Guarded by itself, as all below. */
    private final Deque<Commit> commits = new ArrayDeque<>();

    private final long[] latencies = new long[LATENCY_CLASSES];
    private long epoch;

    public Activity(long pages, long epoch) {
        this.pages = pages;
        this.epoch = epoch;
        int log = 0;
        while (((pages - 1) >> log) + 1 > MOST_BLOCKS) {
            log++;
        }
        shift = log;
        lastWritten = new long[(int) (((pages - 1) >> shift) + 1)];
    }

    /** A page is part of an epoch. */
    public void wrote(long page, long inEpoch) {
        lastWritten[(int) (page >> shift)] = inEpoch;
    }

    public void committed(Commit commit) {
        long microseconds = TimeUnit.NANOSECONDS.toMicros(commit.nanoseconds());
        int latency = Math.min(LATENCY_CLASSES - 1, 63 - Long.numberOfLeadingZeros(Math.max(1, microseconds)));
        synchronized (commits) {
            if (commits.size() == KEPT_COMMITS) {
                commits.removeFirst();
            }
            commits.addLast(commit);
            latencies[latency]++;
            epoch = commit.epoch();
        }
    }

    @Override
    public List<Commit> commits() {
        synchronized (commits) {
            return List.copyOf(commits);
        }
    }

    @Override
    public long[] latencies() {
        synchronized (commits) {
            return latencies.clone();
        }
    }

    @Override
    public Heat heat(int cells) {
        if (cells < 1) {
            throw new IllegalArgumentException("a heat map of " + cells + " cells: must be at least 1");
        }
        long blocksPerCell = (lastWritten.length + cells - 1L) / cells;
        long[] latest = new long[(int) ((lastWritten.length + blocksPerCell - 1) / blocksPerCell)];
        long reached;
        synchronized (commits) {
            reached = epoch;
        }
        for (int block = 0; block < lastWritten.length; block++) {
            int cell = (int) (block / blocksPerCell);
            // an epoch that is not durable yet, or never will be, is not shown
            long written = Math.min(lastWritten[block], reached);
            latest[cell] = Math.max(latest[cell], written);
        }
        return new Heat(reached, Math.min(pages, blocksPerCell << shift), latest);
    }
}
