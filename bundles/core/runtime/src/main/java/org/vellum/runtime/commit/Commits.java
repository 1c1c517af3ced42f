// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.vellum.api.Region.AtomicBody;
import org.vellum.api.RegionException;
import org.vellum.api.RegionStatus;
import org.vellum.api.Section;
import org.vellum.runtime.state.OwnedLock;
import org.vellum.runtime.state.Sections;
import org.vellum.runtime.waiting.Headroom;
import org.vellum.runtime.waiting.Wait;
import org.vellum.runtime.waiting.Waits;

/**
 * Who may do what with one region when: sections, commits, rollbacks, bodies of {@code atomically} and the close, and which
 * commit serves whom. What a commit does is {@link Steps}.
 *
 * <p>Its locks are taken in this order: <b>transaction</b>, the region for oneself in {@link Sections}, <b>control</b>. What
 * must stay true:
 * <ul>
 *   <li>A cut is made while no section is open, and the region is given back behind it, never before.
 *   <li>{@link #durableCut} is the number of a cut whose stores <em>are</em> durable: a caller that finds it reached returns.
 *   <li>A caller is served by a cut that began after its call, for only such a one has all of its stores.
 *   <li>Nobody waits for the control lock while having the region for himself: sections go on while a provider is swapped.
 *   <li>What ends a wait, ends it before anything was done.
 *   <li>Stores that may be half of a change are not committed before somebody has decided to.
 * </ul>
 */
public final class Commits {
    /** What is done with the region. All but {@link #requireWorking} is called with the control lock held. */
    public interface Steps {
        /** Throws unless the region can do that now; called without the control lock first, and again with it. */
        void requireWorking(String operation);

        /** Whether there are stores that a rollback could take back. */
        boolean isWritable();

        /** With no section open: the instant at which the epoch ends. */
        void cut();

        /** Makes what the last cut took durable, and the committed content equal to it, or throws. */
        void complete();

        /** Behind every {@link #cut}, whatever became of it. */
        void leaveCut();

        /** Behind a commit that came about. */
        void committed();

        /** A caller was served by another one's commit; called with the transaction lock only. */
        void shared();

        /** The last durable epoch. */
        long epoch();

        /** Takes back what a failed commit may have left in the store, or throws. */
        void forgetFailed();

        /** With no section open: returns to the committed content. */
        void rollback();
    }

    private final String region;
    private final Steps steps;
    private final Waits waits;
    /** For which the rollback of a body waits for sections. */
    private final Duration patience;

    private final OwnedLock transaction = new OwnedLock();
    private final Sections sections;
    private final OwnedLock control;

    /** Cuts started so far; the number of the latest. Changed under the transaction lock. */
    private volatile long cutsStarted;
    /** Number of the latest cut that became durable and was applied. Guarded by the transaction lock. */
    private long durableCut;

    /** @param control of the region; others use it too */
    public Commits(String region, OwnedLock control, Waits waits, Duration patience, Steps steps) {
        this.region = region;
        this.control = control;
        this.waits = waits;
        this.patience = patience;
        this.steps = steps;
        sections = new Sections(region);
    }

    // Sections

    public Section section(Wait wait, Runnable requirement) {
        return sections.open(wait, requirement);
    }

    /** As {@link org.vellum.api.Region#abandonSections}. */
    public int abandonSections() {
        return sections.forgetAbandoned();
    }

    public List<RegionStatus.OpenSection> sections() {
        return sections.status();
    }

    public Optional<String> remark() {
        return sections.remark();
    }

    /** What the calling thread holds would make it wait for itself, or break the promise of atomically. */
    private void requireOutside(String operation) {
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

    // Commit and rollback

    public long commit(Wait wait) {
        Headroom.require();
        requireOutside("commit()");
        // A cut that starts from here on has all that this thread stored; the fence keeps its stores before the look.
        VarHandle.fullFence();
        long neededCut = cutsStarted + 1;
        transaction.acquire(wait, "commit()");
        try {
            steps.requireWorking("commit");
            if (durableCut >= neededCut) {
                steps.shared();
                return steps.epoch();
            }
            return commitInTransaction(wait, "commit()");
        } finally {
            transaction.release();
        }
    }

    public void rollback(Wait wait) {
        Headroom.require();
        requireOutside("rollback()");
        transaction.acquire(wait, "rollback()");
        try {
            steps.requireWorking("rollback");
            restore(wait, "rollback()", steps::forgetFailed);
        } finally {
            transaction.release();
        }
    }

    public <E extends Exception> long atomically(Wait wait, AtomicBody<E> body) throws E {
        Headroom.require();
        requireOutside("atomically()");
        transaction.acquire(wait, "atomically()");
        try {
            steps.requireWorking("atomically");
            sections.requireNoneAbandoned("atomically()");
            try {
                transaction.goesOnWith("the body of atomically()");
                body.run();
                transaction.goesOnWith("atomically(), behind its body");
                if (sections.endOwn()) {
                    throw new IllegalStateException("region '" + region
                            + "': the body of atomically() left a section open; close it before the body returns");
                }
                return commitInTransaction(wait, "atomically()");
            } catch (Throwable e) {
                undoBody(e);
                throw e;
            }
        } finally {
            transaction.release();
        }
    }

    private void undoBody(Throwable cause) {
        sections.endOwn();
        if (!steps.isWritable()) {
            return; // closed or failed meanwhile: the stores are gone, or are gone when it is reopened
        }
        // The body's stores go even if the store cannot take its batch back: half of a body must never be part of a
        // later commit, and the store takes the batch back before it accepts the next one.
        try {
            restore(
                    waits.bounded("the rollback of a body of atomically()", patience),
                    "the rollback of a body of atomically()",
                    () -> suppressing(cause, steps::forgetFailed));
        } catch (Throwable e) {
            if (steps.isWritable()) {
                sections.abandon("a body of atomically() that failed could not be rolled back");
            }
            if (e != cause) {
                cause.addSuppressed(e);
            }
        }
    }

    /** What {@code action} throws never takes the place of {@code cause}. */
    private static void suppressing(Throwable cause, Runnable action) {
        try {
            action.run();
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
        }
    }

    private long commitInTransaction(Wait wait, String operation) {
        takeRegion(wait, operation);
        boolean alone = true;
        try {
            steps.requireWorking("commit");
            sections.requireNoneAbandoned(operation);
            try {
                long cut = cutsStarted + 1;
                cutsStarted = cut;
                steps.cut();
                alone = false;
                sections.release();
                steps.complete();
                durableCut = cut;
            } finally {
                steps.leaveCut();
            }
            steps.committed();
            return steps.epoch();
        } finally {
            control.release();
            if (alone) {
                sections.release();
            }
        }
    }

    /** Returns the region to its committed content, after {@code preparation}, which may throw to prevent it. */
    private void restore(Wait wait, String operation, Runnable preparation) {
        takeRegion(wait, operation);
        try {
            steps.requireWorking("rollback");
            preparation.run();
            steps.rollback();
            sections.forgetAbandoned();
        } finally {
            control.release();
            sections.release();
        }
    }

    /**
     * The region for oneself and its control lock. Whoever has the latter may be in a store or a provider for long; sections go
     * on meanwhile.
     */
    private void takeRegion(Wait wait, String operation) {
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

    // Close

    /** How a close goes on. */
    public enum Ending {
        /** What cannot be had in time ends it; the region is open. */
        IN_TURN,
        /** What cannot be had in time is done without. */
        ANYWAY
    }

    /**
     * Runs {@code close} with all of the region's locks held; with {@link Ending#ANYWAY} perhaps with the control lock only,
     * which is waited for as long as it takes.
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

    /** What the watch says, once a second. */
    Thread oldestSectionThread() {
        return sections.oldestThread();
    }
}
