package org.vellum.crashtest;

import java.nio.ByteBuffer;
import org.vellum.api.Region;

/**
 * A writer that measures the longest pause between two of its stores: what a swap costs the application, the scheduler's
 * part included. It checks that it finds what it stored last.
 */
final class StallMeter implements Runnable {
    private static final int PAGE = 4096;

    private final ByteBuffer memory;
    private volatile long longest;
    private volatile long stores;

    StallMeter(Region region) {
        memory = region.buffer(0, (int) region.size());
    }

    @Override
    public void run() {
        int pages = memory.capacity() / PAGE;
        long before = System.nanoTime();
        for (long number = 0; ; number++) {
            int place = (int) (number * 37 % pages) * PAGE;
            long next = memory.getLong(place) + 1;
            memory.putLong(place, next);
            if (memory.getLong(place) != next) {
                throw new IllegalStateException("offset " + place + " holds " + memory.getLong(place) + " instead of "
                        + next);
            }
            long now = System.nanoTime();
            if (now - before > longest) {
                longest = now - before;
            }
            before = now;
            stores = number;
        }
    }

    /** Forgets the longest pause so far. */
    void reset() {
        longest = 0;
    }

    /** Nanoseconds, since {@link #reset}. */
    long longest() {
        return longest;
    }

    /** So far. */
    long stores() {
        return stores;
    }
}
