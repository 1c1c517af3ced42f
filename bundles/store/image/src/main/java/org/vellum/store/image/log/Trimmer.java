// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.log;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.vellum.api.CommitException;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.home.CommittedView;
import org.vellum.store.image.home.PageSet;
import org.vellum.store.image.home.WriteBack;
import org.vellum.store.image.medium.FileFailure;

/**
 * Empties a full log segment behind the commits: writes the pages its epochs have changed home, then the checkpoint.
 * One daemon thread for an open image.
 *
 * <pre>
 *   IDLE ──request──▶ WANTED ──▶ RUNNING ──done──▶ IDLE           the other segment is free only in IDLE
 *                        ▲           └──failed──▶ FAILED ──┐
 *                        └──────────────await──────────────┘
 * </pre>
 *
 * <p>What must stay true:
 * <ul>
 *   <li>In any state but IDLE the segment being trimmed is neither written nor reused: it is all there is of its
 *       epochs.
 *   <li>{@link #pages} loses nothing in a failure: the next try writes all of it again.
 *   <li>The thread reads {@link #pages} without the lock while RUNNING; nobody changes it then.
 * </ul>
 */
public final class Trimmer {
    private static final Logger LOGGER = System.getLogger(Trimmer.class.getName());

    /** Nanoseconds after which whoever waits says so, then at twice that. */
    private static final long FIRST_WARNING = TimeUnit.SECONDS.toNanos(5);

    private enum State {
        IDLE,
        WANTED,
        RUNNING,
        FAILED
    }

    private final String region;
    private final WriteBack writeBack;
    private final CommittedView view;
    private final PhaseObserver observer;
    private final Thread thread;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final PageSet pages;
    private State state = State.IDLE;
    private boolean stopping;
    private long epoch;
    private long generation;
    private Throwable failure;

    public Trimmer(String region, WriteBack writeBack, CommittedView view, PhaseObserver observer) {
        this.region = region;
        this.writeBack = writeBack;
        this.view = view;
        this.observer = observer;
        pages = view.newPageSet();
        thread = new Thread(this::work, "vellum trim " + region);
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * control, IDLE. Everything applied so far, up to {@code upTo}, is to be at home; the log goes on in {@code next}.
     */
    void request(long upTo, long next) {
        lock.lock();
        try {
            if (state != State.IDLE) {
                throw new IllegalStateException("a segment was left while the other one is still " + state);
            }
            view.takeUpdated(pages);
            epoch = upTo;
            generation = next;
            state = State.WANTED;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * control. Returns when the segment left before is free. What failed before this call is tried once more.
     *
     * @throws CommitException it cannot be freed now, or the calling thread was interrupted, and still is
     */
    public void awaitFree() {
        lock.lock();
        try {
            if (state == State.FAILED) {
                state = State.WANTED;
                changed.signalAll();
            }
            awaitTrim();
            if (state == State.FAILED) {
                throw new CommitException(
                        "region '" + region + "': the log is full and cannot be trimmed: " + describe(failure)
                                + ". Nothing is lost: the log holds every committed epoch, and the stores are part of"
                                + " the next commit"
                                + (failure instanceof FileFailure f ? "; " + f.wayOut() : ""),
                        failure);
            }
        } finally {
            lock.unlock();
        }
    }

    /** An interrupt ends the wait: nothing has been written for the commit that needs the room. */
    private void awaitTrim() {
        long began = System.nanoTime();
        long interval = FIRST_WARNING;
        try {
            while (state == State.WANTED || state == State.RUNNING) {
                if (changed.awaitNanos(interval) <= 0) {
                    warnOfWaiting("a commit waits", began);
                    interval *= 2;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommitException("region '" + region
                    + "': interrupted while the full log was being trimmed (epoch "
                    + epoch + " is on its way to the home image); nothing is lost, and the stores are part of the next"
                    + " commit");
        }
    }

    private void warnOfWaiting(String who, long began) {
        LOGGER.log(
                Level.WARNING,
                "region ''{0}'': {1} for {2} s for thread ''{3}'' to bring epoch {4} to the home image",
                region,
                who,
                Long.toString(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began)),
                thread.getName(),
                Long.toString(epoch));
    }

    /** Why the last try failed, or null. */
    public String failure() {
        lock.lock();
        try {
            return state == State.FAILED ? describe(failure) : null;
        } finally {
            lock.unlock();
        }
    }

    /**
     * control, at close. Returns when the thread does nothing any more, with all pages that are not durable at home:
     * those of a segment not yet trimmed, and those updated since.
     */
    public PageSet stop() {
        lock.lock();
        try {
            stopping = true;
            changed.signalAll();
            awaitEndOfRun();
            view.takeUpdated(pages);
            return pages;
        } finally {
            lock.unlock();
        }
    }

    /** Whatever happens: the pages are the thread's until then. */
    private void awaitEndOfRun() {
        long began = System.nanoTime();
        long interval = FIRST_WARNING;
        boolean interrupted = false;
        while (state == State.RUNNING) {
            try {
                if (changed.awaitNanos(interval) <= 0) {
                    warnOfWaiting("a close waits", began);
                    interval *= 2;
                }
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @SuppressWarnings("LockNotBeforeTry") // given back for the time of a trim only, by the thread that has it
    private void work() {
        lock.lock();
        try {
            while (true) {
                while (!stopping && state != State.WANTED) {
                    changed.awaitUninterruptibly();
                }
                if (stopping) {
                    return;
                }
                state = State.RUNNING;
                long upTo = epoch;
                long next = generation;
                lock.unlock();
                Throwable outcome = tryTrim(upTo, next);
                lock.lock();
                failure = outcome;
                if (outcome == null) {
                    pages.clear();
                    state = State.IDLE;
                } else {
                    state = State.FAILED;
                }
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Whatever is thrown must become a state, and the thread live on: a commit may be waiting for both. */
    private Throwable tryTrim(long upTo, long next) {
        try {
            trim(upTo, next);
            return null;
        } catch (Throwable e) {
            try {
                warn(upTo, e);
            } catch (Throwable unlogged) {
                // What matters is not lost with it: the region's remarks and the next commit that needs room tell it.
            }
            return e;
        }
    }

    private void trim(long upTo, long next) throws FileFailure {
        observer.entered(region, Phase.TRIM);
        try {
            writeBack.requireHome(); // the segment is all that the files there have of its epochs
            writeBack.run(pages, upTo, next, Checkpoint.State.IN_USE);
        } finally {
            observer.left(region, Phase.TRIM);
        }
    }

    private void warn(long upTo, Throwable cause) {
        String warning = "region '" + region + "': the home image could not be brought to epoch " + upTo
                + " (the log keeps its epochs, and the next commit that needs room tries again)";
        if (cause instanceof FileFailure e) {
            LOGGER.log(Level.WARNING, warning + ": " + e.getMessage() + "; " + e.wayOut());
        } else {
            LOGGER.log(Level.WARNING, warning, cause);
        }
    }

    /** Errors of the virtual machine often have a type and nothing else. */
    private static String describe(Throwable failure) {
        return failure instanceof FileFailure ? failure.getMessage() : failure.toString();
    }
}
