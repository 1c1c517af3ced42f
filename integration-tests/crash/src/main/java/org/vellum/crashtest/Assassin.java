// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongFunction;
import org.vellum.api.provider.Phase;

/**
 * Kills this process in a chosen phase: at the phase's n-th entry, or a while after it.
 *
 * <p>A signal from the parent would come long after the phase is over. So a thread of this process waits, already
 * running when the phase begins, and calls {@code kill(2)} itself: SIGKILL cannot be caught, and no exit code runs.
 */
final class Assassin implements PhaseMarker.PhaseListener {
    private static final int SIGKILL = 9;

    private final Phase phase;
    private final int entry;
    private final double fraction;
    private ToLongFunction<Phase> typicalDuration;
    private final Thread thread;
    private int entries;
    private volatile boolean close;
    private volatile long due;

    static {
        Native.register(Assassin.class, NativeLibrary.getInstance(Platform.C_LIBRARY_NAME));
    }

    private static native int kill(int process, int signal);

    private static native int getpid();

    /**
     * @param phase where to strike
     * @param entry the how manieth entry into it, from 1
     * @param fraction how much of the phase's typical duration to let pass; 0: strike on entry, before its work begins
     */
    Assassin(Phase phase, int entry, double fraction) {
        this.phase = phase;
        this.entry = entry;
        this.fraction = fraction;
        thread = new Thread(this::lieInWait, "assassin");
        thread.setDaemon(true);
    }

    void start(ToLongFunction<Phase> durations) {
        typicalDuration = durations;
        close = entry == 1;
        thread.start();
    }

    @Override
    public void entered(Phase entered) {
        if (entered != phase) {
            return;
        }
        entries++;
        if (entries == entry - 1) {
            close = true;
            LockSupport.unpark(thread);
        } else if (entries == entry) {
            if (fraction == 0) {
                strike();
            }
            due = System.nanoTime() + (long) (fraction * typicalDuration.applyAsLong(phase)) | 1;
        }
    }

    private void lieInWait() {
        while (!close) {
            LockSupport.park(this);
        }
        // waking up takes longer than some phases last: so this waits awake
        while (due == 0) {
            Thread.onSpinWait();
        }
        while (System.nanoTime() - due < 0) {
            Thread.onSpinWait();
        }
        strike();
    }

    /** Ends this process at once. */
    static void strike() {
        kill(getpid(), SIGKILL);
    }

    /** Strikes when the time is over, from a thread of its own, whatever all others do. */
    static void strikeAfter(long nanoseconds) {
        long due = System.nanoTime() + nanoseconds;
        Thread thread = new Thread(
                () -> {
                    for (long left = nanoseconds; left > 0; left = due - System.nanoTime()) {
                        LockSupport.parkNanos(left);
                    }
                    strike();
                },
                "assassin");
        thread.setDaemon(true);
        thread.start();
    }
}
