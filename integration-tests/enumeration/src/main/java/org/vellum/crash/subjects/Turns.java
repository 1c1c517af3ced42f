// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.util.function.BooleanSupplier;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.crash.enumeration.Event;
import org.vellum.crash.enumeration.RecordingMedium;

/**
 * Lets the workload's thread and the trimmer's take turns, so that a recording is the same each time, and each
 * interleaving can be asked for: so many of a trim's events before the batch of the commit that caused it is written, so
 * many before that is synced, the rest behind it.
 */
final class Turns implements RecordingMedium.Interceptor, PhaseObserver {
    private static final long TIMEOUT_NANOSECONDS = 20_000_000_000L;

    private final Thread workload = Thread.currentThread();
    private final RecordingMedium medium;

    // all guarded by this
    private boolean trimming;
    private boolean waiting;
    private long allowed;
    private long done;
    private int freeTrims;
    /** Since the store said that it appends: what was written to a log before that was zeros. */
    private boolean appending;

    private boolean switched;
    private int lastLog = -1;
    private int beforeWrite;
    private int beforeSync;

    Turns(RecordingMedium medium) {
        this.medium = medium;
    }

    /** For the coming commit, if it goes over to the other segment. */
    synchronized void plan(int eventsBeforeWrite, int eventsBeforeSync) {
        beforeWrite = eventsBeforeWrite;
        beforeSync = eventsBeforeSync;
        appending = false;
    }

    /** The next trim is one that the workload waits for. */
    synchronized void expectRetry() {
        freeTrims++;
    }

    /** Behind a commit: a trim that it caused comes to its end. */
    synchronized void finish() {
        if (switched) {
            switched = false;
            allowed = Long.MAX_VALUE;
            notifyAll();
            await(() -> !trimming);
        }
    }

    /** A newly opened image, or one that is logged again: its log begins in some segment without any trim. */
    synchronized void opened() {
        lastLog = -1;
    }

    @Override
    public synchronized void before(Event event) {
        if (Thread.currentThread() == workload) {
            int log = appending ? logBegun(event) : -1;
            if (log >= 0) {
                if (lastLog >= 0 && log != lastLog) {
                    switched = true;
                    await(() -> trimming && waiting);
                    grant(beforeWrite);
                }
                lastLog = log;
            } else if (switched && event instanceof Event.Persist) {
                grant(beforeSync);
            }
        } else {
            waiting = true;
            notifyAll();
            await(() -> done < allowed);
            waiting = false;
            done++;
            notifyAll();
        }
    }

    /** The number of the log segment that is written from its beginning, or -1. */
    private int logBegun(Event event) {
        int file = -1;
        if (event instanceof Event.Write write && write.offset() == 0) {
            file = write.file();
        } else if (event instanceof Event.Store store && store.offset() == 0) {
            file = store.file();
        }
        return file >= 0 && isLog(file) ? file : -1;
    }

    private boolean isLog(int file) {
        return medium.paths().stream()
                .anyMatch(path -> path.contains("-log") && medium.open(path).number() == file);
    }

    private void grant(int events) {
        allowed += events;
        notifyAll();
        await(() -> !trimming || (waiting && done == allowed));
    }

    @Override
    public synchronized void entered(String region, Phase phase) {
        appending |= phase == Phase.APPEND;
        if (phase == Phase.TRIM && Thread.currentThread() != workload) {
            if (freeTrims > 0) {
                freeTrims--;
                allowed = Long.MAX_VALUE;
            } else {
                allowed = done;
            }
            trimming = true;
            notifyAll();
        }
    }

    @Override
    public synchronized void left(String region, Phase phase) {
        if (phase == Phase.TRIM && Thread.currentThread() != workload) {
            trimming = false;
            notifyAll();
        }
    }

    private void await(BooleanSupplier condition) {
        long end = System.nanoTime() + TIMEOUT_NANOSECONDS;
        while (!condition.getAsBoolean()) {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                throw new IllegalStateException("no turn came: trimming " + trimming + ", waiting " + waiting
                        + ", allowed " + allowed + ", done " + done);
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            }
        }
    }
}
