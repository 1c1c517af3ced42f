// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.state;

import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import org.vellum.api.RegionException;
import org.vellum.runtime.waiting.Headroom;
import org.vellum.runtime.waiting.Wait;
import org.vellum.runtime.waiting.Waits;

/**
 * The three locks of one region, taken in this order:
 * <ol>
 *   <li><b>transaction</b>: one commit, rollback, close or body of {@code atomically} at a time;
 *   <li><b>sections</b>: the region for oneself, around a cut, a rollback and a close. No section is open then;
 *   <li><b>control</b>: held while the region's native code or its image is in use, so that whoever holds it knows that nobody
 *       else is in there.
 * </ol>
 *
 * <p>What must stay true:
 * <ul>
 *   <li>Nobody waits for the control lock while having the region for himself: sections go on while a provider is swapped.
 *   <li>What ends a wait, ends it before anything was done.
 *   <li>A close on behalf of somebody who cannot wait any longer goes without the first two, never without control.
 * </ul>
 */
public final class RegionLocks {
    private final String region;
    private final Waits waits;
    private final OwnedLock transaction = new OwnedLock();
    private final Sections sections;
    private final OwnedLock control = new OwnedLock();

    /** @param waitLimit of calls that name no limit of their own */
    public RegionLocks(String region, Optional<Duration> waitLimit) {
        this.region = region;
        this.waits = new Waits("region '" + region + "'", waitLimit);
        this.sections = new Sections(region);
    }

    /** The calls that wait for one of them, and for whatever else of the region. */
    public Waits waits() {
        return waits;
    }

    public OwnedLock transaction() {
        return transaction;
    }

    public Sections sections() {
        return sections;
    }

    public OwnedLock control() {
        return control;
    }

    /**
     * Refuses a call that would wait for what its own thread holds, or break the promise of {@code atomically}.
     *
     * @throws IllegalStateException it is made inside a body of {@code atomically} or inside a section
     */
    public void requireOutside(String operation) {
        if (transaction.isHeldByCurrentThread()) {
            throw new IllegalStateException("region '" + region + "': " + operation
                    + " inside atomically(); its body's stores are committed when it returns and rolled back when it"
                    + " throws");
        }
        if (sections.isHeldByCurrentThread()) {
            throw new IllegalStateException("region '" + region + "': " + operation
                    + " inside a section of the calling thread would wait for itself; close the section first");
        }
    }

    /**
     * Refuses a call of a phase observer inside a commit: between a cut and its becoming durable nothing else can be done.
     *
     * @param later how to do it then, for the message
     */
    public void requireOutsideCommit(String operation, String later) {
        if (control.isHeldByCurrentThread()) {
            throw new IllegalStateException(
                    "region '" + region + "': " + operation + " by a phase observer, inside a commit; " + later);
        }
    }

    /**
     * Takes the region for oneself and its control lock; {@link #releaseRegion} gives both back. Whoever has the control lock
     * may be in a store or a provider for long, so sections go on while this waits for it.
     */
    public void takeRegion(Wait wait, String operation) {
        while (true) {
            sections.take(wait, operation);
            if (control.acquireAtOnce(operation)) {
                return;
            }
            sections.release();
            control.acquire(wait, operation);
            if (sections.takeAtOnce(operation)) {
                return;
            }
            control.release();
        }
    }

    public void releaseRegion() {
        control.release();
        sections.release();
    }

    /** Makes a change with the control lock held, which is waited for as long as it takes. */
    public <T> T inControl(String operation, Supplier<T> change) {
        control.acquire(waits.patient(operation), operation);
        try {
            return change.get();
        } finally {
            control.release();
        }
    }

    /** Waits for a close in progress: afterwards a region that is not open uses nothing. */
    public void awaitClosed() {
        control.acquire(waits.patient("whoever needs it closed"), "nothing");
        control.release();
    }

    /** How a close goes on. */
    public enum Ending {
        /** What cannot be had in time ends it; the region is open. */
        IN_TURN,
        /** What cannot be had in time is done without. */
        ANYWAY
    }

    /**
     * Runs {@code close} with all locks held; with {@link Ending#ANYWAY} perhaps with the control lock only, which is waited
     * for as long as it takes.
     */
    public void close(Wait wait, Ending ending, Runnable close) {
        Headroom.require();
        boolean endedOwn = sections.endOwn();
        boolean aloneInTransaction = false;
        boolean alone = false;
        boolean closed = false;
        try {
            aloneInTransaction = within(ending, () -> transaction.acquire(wait, "close()"));
            alone = within(ending, () -> sections.take(wait, "close()"));
            control.acquire(ending == Ending.ANYWAY ? waits.patient("close()") : wait, "close()");
            try {
                closed = true;
                close.run();
            } finally {
                control.release();
            }
        } finally {
            if (endedOwn && !closed) {
                sections.abandon("it was inside a section when it called close(), which did not come about");
            }
            if (alone) {
                sections.release();
            }
            if (aloneInTransaction) {
                transaction.release();
            }
        }
    }

    /** Whether it came about; always, where it must. */
    private static boolean within(Ending ending, Runnable acquisition) {
        try {
            acquisition.run();
            return true;
        } catch (RegionException e) {
            if (ending == Ending.IN_TURN) {
                throw e;
            }
            return false;
        }
    }
}
