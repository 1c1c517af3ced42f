// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.SplittableRandom;
import org.vellum.api.Region;

/**
 * Epochs of one region: a number of 8-byte stores, each to a page of its own, then a commit. Every store changes its
 * line. Pages are drawn before the clock starts.
 */
final class Epochs implements Trials.Trial {
    /** The parts of {@link #run}. */
    static final int STORES = 0;

    static final int COMMIT = 1;
    static final int WHOLE = 2;

    /** Chooses the pages of the next epoch. */
    @FunctionalInterface
    interface Pattern {
        void choose(long[] pages);
    }

    private final Region region;
    private final RegionMemory memory;
    private final Pattern pattern;
    private final SplittableRandom random = new SplittableRandom(1);
    private final long[] pages;
    private final long[] offsets;
    private long value = 1;

    Epochs(Region region, int stores, Pattern pattern) {
        this.region = region;
        this.memory = new RegionMemory(region);
        this.pattern = pattern;
        this.pages = new long[stores];
        this.offsets = new long[stores];
    }

    @Override
    public long[] run() {
        pattern.choose(pages);
        for (int i = 0; i < pages.length; i++) {
            offsets[i] =
                    pages[i] * RegionMemory.PAGE + (long) random.nextInt(RegionMemory.PAGE / Long.BYTES) * Long.BYTES;
        }
        long started = System.nanoTime();
        for (long offset : offsets) {
            memory.putLong(offset, value++);
        }
        long stored = System.nanoTime();
        region.commit();
        long committed = System.nanoTime();
        return new long[] {stored - started, committed - stored, committed - started};
    }

    /**
     * Brings pages into the steady state. The first pass over them makes their blocks warm (each is read from the home
     * image as a whole, which takes most of the time) and the pages known to the strategy and the committed view. More
     * passes follow until the segment in which the first one ended is full, so that its trim, the first write of each
     * page to the home image, is not left for the measurement.
     *
     * @param logSize bytes of the region's log, which is two segments
     */
    void settle(long[] pagesToSettle, long logSize) {
        touch(pagesToSettle);
        long afterFirstPass = region.status().loggedBytes();
        while (region.status().loggedBytes() - afterFirstPass < logSize / 2) {
            touch(pagesToSettle);
        }
    }

    /** Stores to each of the pages once and commits, a few thousand at a time: afterwards none is new. */
    void touch(long[] allPages) {
        int together = 4096;
        for (int i = 0; i < allPages.length; i++) {
            memory.putLong(allPages[i] * RegionMemory.PAGE, value++);
            if (i % together == together - 1 || i == allPages.length - 1) {
                region.commit();
            }
        }
    }

    /** Distinct pages, drawn from a set. */
    static Pattern randomOf(long[] set, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        long[] remaining = set.clone();
        return pages -> {
            for (int i = 0; i < pages.length; i++) {
                int j = random.nextInt(i, remaining.length);
                long page = remaining[j];
                remaining[j] = remaining[i];
                remaining[i] = page;
                pages[i] = page;
            }
        };
    }

    /** Every page of a set once, in random order; for no more epochs than the set has pages for. */
    static Pattern eachOnce(long[] set, long seed) {
        long[] shuffled = set.clone();
        Pattern draw = randomOf(set, seed);
        draw.choose(shuffled);
        int[] next = {0};
        return pages -> {
            System.arraycopy(shuffled, next[0], pages, 0, pages.length);
            next[0] += pages.length;
        };
    }

    /** Neighbouring pages, each epoch behind the last one's, from the first again at the end. */
    static Pattern sequentialOf(long pageCount) {
        long[] next = {0};
        return pages -> {
            for (int i = 0; i < pages.length; i++) {
                pages[i] = next[0]++ % pageCount;
            }
        };
    }

    /** All pages of a region, in order. */
    static long[] allPages(long count) {
        long[] pages = new long[Math.toIntExact(count)];
        for (int i = 0; i < pages.length; i++) {
            pages[i] = i;
        }
        return pages;
    }

    /** {@code count} distinct pages of a region, drawn evenly: one from each of {@code count} equal stretches. */
    static long[] spreadPages(long pageCount, int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        long stretch = pageCount / count;
        long[] pages = new long[count];
        for (int i = 0; i < count; i++) {
            pages[i] = i * stretch + random.nextLong(stretch);
        }
        return pages;
    }
}
