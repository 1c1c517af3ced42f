// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.util.concurrent.atomic.AtomicLong;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;

/**
 * Notes when the committing thread enters each phase, and counts trims. For one committing thread; trims come from
 * another and are counted atomically.
 */
final class PhaseClock implements PhaseObserver {
    private static final int PHASES = Phase.values().length;

    private final long[] nanoseconds = new long[PHASES];
    private final AtomicLong trims = new AtomicLong();
    private Phase current = Phase.STORE;
    private long since;

    @Override
    public void entered(String region, Phase phase) {
        if (phase == Phase.TRIM) {
            trims.incrementAndGet();
            return;
        }
        long now = System.nanoTime();
        nanoseconds[current.ordinal()] += now - since;
        current = phase;
        since = now;
    }

    /** Sets all phases to zero; the clock runs on in {@link Phase#STORE}. */
    void reset() {
        java.util.Arrays.fill(nanoseconds, 0);
        current = Phase.STORE;
        since = System.nanoTime();
    }

    /** Time spent in a phase since the last reset. */
    long nanoseconds(Phase phase) {
        return nanoseconds[phase.ordinal()];
    }

    /** Trims begun since this clock was made. */
    long trims() {
        return trims.get();
    }
}
