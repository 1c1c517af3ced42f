// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.lang.System.Logger.Level;
import java.lang.invoke.VarHandle;
import java.time.Instant;
import java.util.BitSet;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.vellum.api.CommitException;
import org.vellum.api.Region.AtomicBody;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Phase;
import org.vellum.runtime.services.RegionContext;
import org.vellum.runtime.state.RegionLocks;
import org.vellum.runtime.state.RegionState;
import org.vellum.runtime.state.Sections;
import org.vellum.runtime.waiting.Headroom;
import org.vellum.runtime.waiting.Wait;

/**
 * The commit path of one region: from a call of {@code commit()} to the durable epoch that it returns. Rollback and {@code
 * atomically} go the same way.
 *
 * <ol>
 *   <li><i>Turn.</i> {@link #commit} takes the transaction lock. Was there a cut since the call, and is it durable, then
 *       that commit has served this caller.
 *   <li><i>Region.</i> {@link #commitInTransaction} takes the region: no section is open, and nobody else is in its native code
 *       or its image.
 *   <li><i>Cut.</i> {@link CommitScheme#cut}: the instant at which the epoch ends. Sections are opened again behind it.
 *   <li><i>Durable.</i> {@link CommitScheme#complete}: by redo the store logs the batch and syncs, in place the cut has
 *       done all of it.
 *   <li><i>Acknowledged.</i> {@link #durableCut} is set, and the calls that wait for their turn find it.
 * </ol>
 *
 * <p>The locks and their order are those of {@link RegionLocks}. What must stay true:
 * <ul>
 *   <li>A cut is made while no section is open, and the region is given back behind it, never before.
 *   <li>{@link #durableCut} is the number of a cut whose stores <em>are</em> durable: a caller that finds it reached returns.
 *   <li>A caller is served by a cut that began after its call, for only such a one has all of its stores.
 *   <li>Stores that may be half of a change are not committed before somebody has decided to.
 *   <li>Once a cut has begun, an interrupt neither breaks the commit nor is it lost.
 * </ul>
 */
public final class CommitPath {
    private static final System.Logger LOGGER = System.getLogger(CommitPath.class.getName());

    private static final long EVENT_INTERVAL_NANOSECONDS = TimeUnit.SECONDS.toNanos(1);

    private final RegionContext region;
    private final RegionLocks locks;
    private final Sections sections;
    private final RegionState state;
    private final RegionImage image;
    private final Gauges gauges;
    private final Activity activity;
    private final CommitStatistics statistics;

    /** Cuts started so far; the number of the latest. Changed under the transaction lock. */
    private volatile long cutsStarted;
    /** Number of the latest cut that became durable and was applied. Guarded by the transaction lock. */
    private long durableCut;
    /** {@link System#nanoTime} of the last event. Guarded by the transaction lock. */
    private long lastEvent = System.nanoTime() - EVENT_INTERVAL_NANOSECONDS;
    /** What the last commit found missing of the image's files; changed under the transaction lock. */
    private volatile Optional<String> lost = Optional.empty();

    public CommitPath(
            RegionContext region,
            RegionLocks locks,
            RegionState state,
            RegionImage image,
            Gauges gauges,
            Activity activity) {
        this.region = region;
        this.locks = locks;
        this.sections = locks.sections();
        this.state = state;
        this.image = image;
        this.gauges = gauges;
        this.activity = activity;
        this.statistics = new CommitStatistics(image.image().epoch());
    }

    public CommitStatistics statistics() {
        return statistics;
    }

    /** What the last commit found missing of the image's files, a sentence. */
    public Optional<String> lost() {
        return lost;
    }

    // Commit

    /** As {@link org.vellum.api.Region#commit}. */
    public long commit(Wait wait) {
        state.requireOpen();
        Headroom.require();
        locks.requireOutside("commit()");
        // A cut that starts from here on has all that this thread stored; the fence keeps its stores before the look.
        VarHandle.fullFence();
        long neededCut = cutsStarted + 1;
        locks.transaction().acquire(wait, "commit()");
        try {
            requireCommittable("commit");
            if (durableCut >= neededCut) {
                statistics.shared();
                return statistics.epoch();
            }
            return commitInTransaction(wait, "commit()");
        } finally {
            locks.transaction().release();
        }
    }

    private long commitInTransaction(Wait wait, String operation) {
        locks.takeRegion(wait, operation);
        boolean alone = true;
        try {
            requireCommittable("commit");
            sections.requireNoneAbandoned(operation);
            try {
                long began = System.nanoTime();
                long number = cutsStarted + 1;
                cutsStarted = number;
                CommitScheme.Cut cut = cut();
                alone = false;
                sections.release();
                complete(cut, began);
                durableCut = number;
            } finally {
                region.observers().entered(region.name(), Phase.STORE);
            }
            announce();
            return statistics.epoch();
        } finally {
            locks.control().release();
            if (alone) {
                sections.release();
            }
        }
    }

    /** The region can make something durable, and its store is there. */
    private void requireCommittable(String operation) {
        state.requireCommittable(operation);
        image.requireStore(operation);
    }

    private CommitScheme.Cut cut() {
        requireFiles();
        region.observers().entered(region.name(), Phase.CUT);
        try {
            CommitScheme.Cut cut = image.scheme().cut();
            statistics.cut(cut);
            return cut;
        } catch (CommitScheme.Failure e) {
            throw failure(e.getMessage(), e.getCause());
        }
    }

    /** What is committed must be in files that the next open finds. Before the cut: nothing has to be taken back. */
    private void requireFiles() {
        lost = image.image().lost();
        if (lost.isPresent()) {
            throw failure(lost.get() + "; the stores stay uncommitted and are part of the next commit", null);
        }
    }

    /** Makes what the cut took durable, and the committed content equal to it. */
    private void complete(CommitScheme.Cut cut, long began) {
        locks.control().goesOnWith("a commit, in its store");
        long before = statistics.epoch();
        Consumer<BitSet> copier = image.copier();
        BitSet changed = copier == null ? null : new BitSet();
        image.scheme().pagesOfCut(page -> {
            activity.wrote(page, before + 1);
            if (changed != null) {
                changed.set(Math.toIntExact(page));
            }
        });
        makeDurable();
        if (copier != null) {
            copier.accept(changed); // not before the committed view has them: a copy made meanwhile is made again
        }
        if (statistics.epoch() != before) {
            activity.committed(new RegionActivity.Commit(
                    Instant.now(),
                    statistics.epoch(),
                    System.nanoTime() - began,
                    cut.dirtyPages(),
                    cut.changedBytes()));
        }
    }

    private void makeDurable() {
        try {
            statistics.reached(image.scheme().complete());
        } catch (CommitScheme.Failure e) {
            if (e.endsStores()) {
                statistics.reached(image.image().epoch());
                state.fail(e.getMessage());
            }
            throw failure(e.getMessage(), e.getCause());
        }
    }

    private CommitException failure(String sentence, Throwable cause) {
        String message = region.subject() + ": commit failed: " + sentence;
        LOGGER.log(Level.WARNING, message);
        region.post(RegionEvents.DAMAGED, Map.of(RegionEvents.REGION, region.name(), RegionEvents.MESSAGE, message));
        return new CommitException(message, cause);
    }

    /** Posts an event, at most one a second. */
    private void announce() {
        long now = System.nanoTime();
        if (now - lastEvent >= EVENT_INTERVAL_NANOSECONDS) {
            gauges.refresh();
            lastEvent = now;
            region.post(
                    RegionEvents.COMMITTED,
                    Map.of(RegionEvents.REGION, region.name(), RegionEvents.EPOCH, statistics.epoch()));
        }
    }

    // Rollback

    /** As {@link org.vellum.api.Region#rollback}. */
    public void rollback(Wait wait) {
        state.requireOpen();
        Headroom.require();
        locks.requireOutside("rollback()");
        locks.transaction().acquire(wait, "rollback()");
        try {
            state.requireRollback();
            restore(wait, "rollback()", this::forgetFailed);
        } finally {
            locks.transaction().release();
        }
    }

    /** Returns the region to its committed content, after {@code preparation}, which may throw to prevent it. */
    private void restore(Wait wait, String operation, Runnable preparation) {
        locks.takeRegion(wait, operation);
        try {
            state.requireRollback();
            preparation.run();
            image.scheme().rollback();
            statistics.rolledBack();
            gauges.refresh();
            sections.forgetAbandoned();
        } finally {
            locks.releaseRegion();
        }
    }

    /** Takes back what a failed commit may have left in the store. */
    private void forgetFailed() {
        try {
            image.scheme().forgetFailed();
        } catch (CommitScheme.Failure e) {
            throw new RegionException(region.subject() + ": rollback failed: " + e.getMessage(), e.getCause());
        }
    }

    // A body that is committed as a whole

    /** As {@link org.vellum.api.Region#atomically}. */
    public <E extends Exception> long atomically(Wait wait, AtomicBody<E> body) throws E {
        state.requireOpen();
        Headroom.require();
        locks.requireOutside("atomically()");
        locks.transaction().acquire(wait, "atomically()");
        try {
            requireCommittable("atomically");
            sections.requireNoneAbandoned("atomically()");
            try {
                locks.transaction().goesOnWith("the body of atomically()");
                body.run();
                locks.transaction().goesOnWith("atomically(), behind its body");
                if (sections.endOwn()) {
                    throw new IllegalStateException(region.subject()
                            + ": the body of atomically() left a section open; close it before the body returns");
                }
                return commitInTransaction(wait, "atomically()");
            } catch (Throwable e) {
                undoBody(e);
                throw e;
            }
        } finally {
            locks.transaction().release();
        }
    }

    private void undoBody(Throwable cause) {
        sections.endOwn();
        if (!state.isWritable()) {
            return; // closed or failed meanwhile: the stores are gone, or are gone when it is reopened
        }
        // The body's stores go even if the store cannot take its batch back: half of a body must never be part of a
        // later commit, and the store takes the batch back before it accepts the next one.
        String operation = "the rollback of a body of atomically()";
        try {
            restore(
                    locks.waits().bounded(operation, region.services().patience()),
                    operation,
                    () -> suppressing(cause, this::forgetFailed));
        } catch (Throwable e) {
            if (state.isWritable()) {
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
}
