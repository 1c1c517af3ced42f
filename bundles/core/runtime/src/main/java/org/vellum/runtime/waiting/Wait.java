// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.waiting;

import java.lang.System.Logger.Level;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.function.Supplier;
import org.vellum.api.RegionInterruptedException;
import org.vellum.api.RegionStatus;
import org.vellum.api.RegionTimeoutException;

/**
 * The waiting of one call for others: how long it may last, whether an interrupt ends it, and for whom it is, so that the
 * region's status and, after a while, the log can say so. A call may wait several times, one after the other, and has one
 * limit for all of them. Used by the thread that calls; the status and the {@link Watch} look at it meanwhile.
 *
 * <pre>{@code
 * wait.begin(() -> "thread 'x'");
 * try {
 *     while (!condition) {
 *         wait.check();                  // the limit, or an interrupt: throws
 *         wait.await(signal, nanoseconds);
 *     }
 * } finally {
 *     wait.end();
 * }
 * }</pre>
 */
public final class Wait {
    public static final long ENDLESS = Long.MAX_VALUE;

    /** What an interrupt does to it. */
    enum Interrupt {
        /** It ends. */
        ENDS,
        /** It ends, unless the interrupt came before it began. */
        ENDS_IF_LATER,
        /** It goes on; the thread's interrupt status is set again afterwards. */
        IS_KEPT
    }

    private static final System.Logger LOGGER = System.getLogger(Wait.class.getName());
    private static final long FIRST_WARNING = TimeUnit.SECONDS.toNanos(5);

    private final Waits waits;
    private final String operation;
    private final Interrupt interrupt;
    private final Thread thread = Thread.currentThread();
    /** Nanoseconds that are left for waiting when the next wait begins. */
    private long budget;

    private boolean interrupted;
    private boolean ended;

    // What others look at.
    private volatile long began;
    private volatile Instant since;
    private volatile Supplier<String> forWhom;
    /** Nanoseconds of waiting after which the log is told, next. Only the watch's. */
    private long nextWarning = FIRST_WARNING;

    /** @param budget nanoseconds, or {@link #ENDLESS} */
    Wait(Waits waits, String operation, long budget, Interrupt interrupt) {
        this.waits = waits;
        this.operation = operation;
        this.budget = budget;
        this.interrupt = interrupt;
    }

    /** @param forWhom asked now and then, by any thread */
    public void begin(Supplier<String> forWhom) {
        this.forWhom = forWhom;
        since = Instant.now();
        began = System.nanoTime();
        interrupted = interrupt == Interrupt.ENDS_IF_LATER && Thread.interrupted();
        ended = false;
        waits.add(this);
    }

    /** Nanoseconds that the caller may go on waiting, or {@link #ENDLESS}. */
    public long left() {
        return budget == ENDLESS ? ENDLESS : Math.max(0, budget - (System.nanoTime() - began));
    }

    /**
     * @throws RegionTimeoutException there is no time left
     * @throws RegionInterruptedException an interrupt has ended it
     */
    public void check() {
        if (ended) {
            throw new RegionInterruptedException(waits.subject() + operation + " was interrupted while it waited for "
                    + forWhom.get() + "; nothing was done");
        }
        if (left() == 0) {
            throw new RegionTimeoutException(waits.subject() + operation + " has waited as long as it may, "
                    + TimeUnit.NANOSECONDS.toMillis(budget) + " ms, for " + forWhom.get() + "; nothing was done");
        }
    }

    /** Returns when signalled, after so long, when interrupted, or for no reason; the caller looks what has become of it. */
    @SuppressWarnings("WaitNotInLoop") // the caller has the loop
    public void await(Condition condition, long nanoseconds) {
        try {
            if (nanoseconds == ENDLESS) {
                condition.await();
            } else {
                condition.awaitNanos(nanoseconds);
            }
        } catch (InterruptedException e) {
            interrupt();
        }
    }

    /** The waiting was interrupted. */
    public void interrupt() {
        interrupted = true;
        ended = interrupt != Interrupt.IS_KEPT;
    }

    public void end() {
        waits.remove(this);
        if (budget != ENDLESS) {
            budget = Math.max(0, budget - (System.nanoTime() - began));
        }
        if (interrupted) {
            interrupted = false;
            Thread.currentThread().interrupt();
        }
    }

    RegionStatus.Waiting status() {
        return new RegionStatus.Waiting(operation, Threads.name(thread), since, forWhom.get());
    }

    /** Called now and then by the watch: tells the log, at longer and longer intervals. */
    void warn() {
        if (System.nanoTime() - began >= nextWarning) {
            nextWarning *= 2;
            sayWhatLasts(waits.subject() + operation + " of thread '" + Threads.name(thread) + "' has waited for "
                    + Threads.since(since) + " for " + forWhom.get());
        }
    }

    /**
     * All lines that only the clock brings about come by the logger of this class, so that an operator can turn them off, and
     * a test need not depend on the machine's speed.
     */
    public static void sayWhatLasts(String sentence) {
        LOGGER.log(Level.WARNING, sentence);
    }
}
