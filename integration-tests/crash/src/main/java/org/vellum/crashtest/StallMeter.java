// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.nio.ByteBuffer;
import java.util.concurrent.locks.LockSupport;
import org.vellum.api.Region;

/**
 * A writer that measures the longest pause between two of its stores: what a swap costs the application, the
 * scheduler's part included. It never commits, so all that it stored has to be carried from tuple to tuple; it checks
 * that it finds in each place what it stored there when it came by last.
 */
final class StallMeter implements Workers.Work {
    private static final int PAGE = 4096;
    private static final int STRIDE = 37;

    /** Stores without a rest: swaps meet a thread in the middle of storing, in guest mode where that is in force. */
    private static final int BURST = 256;
    /** Between bursts, so that processors are left for the others, such as the one that swaps. */
    private static final long REST_NANOSECONDS = 200_000;

    private final ByteBuffer memory;
    private volatile long longest;
    private volatile long stores;

    StallMeter(Region region) {
        memory = region.buffer(0, (int) region.size());
    }

    @Override
    public void run(Workers.Steps steps) {
        int pages = memory.capacity() / PAGE;
        long[] expected = new long[pages];
        for (int page = 0; page < pages; page++) {
            expected[page] = memory.getLong(page * PAGE);
        }
        long before = System.nanoTime();
        for (long number = 1; ; number++) {
            int page = (int) (number * STRIDE % pages);
            long found = memory.getLong(page * PAGE);
            if (found != expected[page]) {
                throw new IllegalStateException("a store is lost that was never committed nor rolled back: page " + page
                        + " holds " + found + " instead of " + expected[page]);
            }
            memory.putLong(page * PAGE, ++expected[page]);
            long now = System.nanoTime();
            if (now - before > longest) {
                longest = now - before;
            }
            stores = number;
            if (number % BURST == 0) {
                LockSupport.parkNanos(REST_NANOSECONDS);
                now = System.nanoTime(); // its rest is no stall
            }
            before = now;
            steps.done();
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
