// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import java.util.BitSet;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.vellum.api.RegionException;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.nativelib.NativeCore;
import org.vellum.runtime.commit.RegionImage;
import org.vellum.runtime.waiting.Wait;

/**
 * Copies a region's image to another store, in a thread of its own, while the region goes on committing where it is; the
 * pages that its commits change meanwhile are copied again, and the last of them between two commits, when the region goes on
 * with the other image.
 *
 * <p>What must stay true:
 * <ul>
 *   <li>A page that a commit changed is reported by {@link #changed} when the committed view has all of it. So a copy that
 *       was made in the middle of the change is made again.
 *   <li>The view is read only between {@link #beginReading} and {@link #endReading}, or under the control lock, and {@link
 *       #cancel} returns when nobody reads it any more: then it may go.
 * </ul>
 */
public final class Move {
    private static final int PIECE = 256;
    /** So few pages may be left for the last step, which commits wait for. */
    private static final int FEW = 1024;
    /** Then the writers are faster than the copy, and the last step takes what it takes. */
    private static final int MOST_ROUNDS = 8;

    /** The last step of a move, and its end. Called by the move's thread. */
    public interface Region {
        /** Takes the control lock and, unless the move is cancelled or the region not open any more, finishes it. */
        void finishMove(Move move);

        /** It is finished, and nobody waits for it any more. */
        void moved();

        /** Nothing has come of it. */
        void moveFailed(String sentence);
    }

    /** Refuses pages of the committed view that are not what was committed. */
    public interface Intact {
        void require(int first, int count);
    }

    private final String name;
    private final Region region;
    private final Intact intact;
    private final Store store;
    private final Supplier<IncomingImage> receive;
    private final Place to;
    private final long view;
    private final int pages;
    private final String reason;
    private final Thread thread;

    /** Only the thread's; null until the store has made room. */
    private IncomingImage incoming;

    private final ReentrantLock lock = new ReentrantLock();
    /** Reading or the move has ended. */
    private final Condition step = lock.newCondition();
    /** Guarded by the lock, as all below. */
    private final BitSet missing;

    private boolean reading;
    private String cancelled;
    private boolean ended;
    private RegionException failure;

    /**
     * @param name the region's
     * @param store where to
     * @param receive has it make room
     * @param to where to
     * @param intact of the image that is copied
     * @param view the committed view
     * @param size bytes
     */
    public Move(
            String name,
            Region region,
            Intact intact,
            Store store,
            Supplier<IncomingImage> receive,
            Place to,
            long view,
            long size,
            String reason) {
        this.name = name;
        this.region = region;
        this.intact = intact;
        this.store = store;
        this.receive = receive;
        this.to = to;
        this.view = view;
        this.pages = Math.toIntExact(size / NativeCore.PAGE_SIZE);
        this.reason = reason;
        missing = new BitSet(pages);
        missing.set(0, pages);
        thread = new Thread(this::run, "vellum move " + name);
        thread.setDaemon(true);
    }

    public void start() {
        thread.start();
    }

    public Store store() {
        return store;
    }

    public String reason() {
        return reason;
    }

    /** How far it is; pages that were changed since count as not copied. */
    public RegionStatus.Move progress() {
        lock.lock();
        try {
            long total = (long) pages * NativeCore.PAGE_SIZE;
            return new RegionStatus.Move(
                    store.name(), total - (long) missing.cardinality() * NativeCore.PAGE_SIZE, total);
        } finally {
            lock.unlock();
        }
    }

    /** control, when the committed view has taken over a commit that changed these pages. */
    public void changed(BitSet changedPages) {
        lock.lock();
        try {
            missing.or(changedPages);
        } finally {
            lock.unlock();
        }
    }

    /** Gives it up. When this returns, the committed view is not read any more; see {@link #awaitEnd} for the rest. */
    public void cancel(String why, Wait wait) {
        wait.begin(() -> "a piece of its image on its way to " + to);
        lock.lock();
        try {
            if (cancelled == null) {
                cancelled = why;
            }
            while (reading) {
                wait.check();
                wait.await(step, wait.left());
            }
        } finally {
            lock.unlock();
            wait.end();
        }
    }

    /** Returns when no thread is in a store on its behalf. Never with the control lock held, which it may wait for. */
    public void awaitEnd(Wait wait) {
        wait.begin(() -> "the end of the move to " + to + ", which is in that store");
        lock.lock();
        try {
            while (!ended) {
                wait.check();
                wait.await(step, wait.left());
            }
        } finally {
            lock.unlock();
            wait.end();
        }
    }

    /** As {@link #awaitEnd}, for whoever wants it to succeed. */
    void awaitSuccess(Wait wait) {
        awaitEnd(wait);
        lock.lock();
        try {
            if (failure != null) {
                throw failure;
            }
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        RegionException outcome = null;
        try {
            moveAll();
        } catch (RuntimeException | Error e) {
            outcome = e instanceof RegionImage.LostException lost
                    ? lost
                    : new RegionException(
                            "region '" + name + "' stays where it is, for its image cannot go to " + to + ": "
                                    + (e instanceof RegionException ? e.getMessage() : e.toString()),
                            e);
            region.moveFailed(outcome.getMessage());
        } finally {
            lock.lock();
            try {
                failure = outcome;
                ended = true;
                step.signalAll();
            } finally {
                lock.unlock();
            }
        }
        if (outcome == null) {
            region.moved(); // to people whose locks somebody may have held while waiting for the end
        }
    }

    private void moveAll() {
        incoming = receive.get();
        boolean finished = false;
        try {
            copyInRounds();
            region.finishMove(this);
            finished = true;
        } finally {
            if (!finished) { // else nobody is in the store on behalf of the move any more
                incoming.close();
            }
        }
    }

    private void copyInRounds() {
        for (int round = 0; round < MOST_ROUNDS; round++) {
            copyOnce();
            incoming.sync();
            if (left() <= FEW) {
                return;
            }
        }
    }

    private int left() {
        lock.lock();
        try {
            return missing.cardinality();
        } finally {
            lock.unlock();
        }
    }

    /** From the first page to the last, those that are missing when it is their turn. */
    private void copyOnce() {
        int next = 0;
        while (next < pages) {
            int[] run = beginReading(next);
            try {
                if (run == null) {
                    return;
                }
                write(run[0], run[1]);
                next = run[0] + run[1];
            } finally {
                endReading();
            }
        }
    }

    /** The next missing pages, first and how many, which count as there from now on; null: there are none. */
    private int[] beginReading(int from) {
        lock.lock();
        try {
            if (cancelled != null) {
                throw new RegionException(cancelled);
            }
            int[] run = take(from);
            reading = run != null;
            return run;
        } finally {
            lock.unlock();
        }
    }

    private int[] take(int from) {
        int first = missing.nextSetBit(from);
        if (first < 0) {
            return null;
        }
        int count = Math.min(missing.nextClearBit(first) - first, PIECE);
        missing.clear(first, first + count);
        return new int[] {first, count};
    }

    private void endReading() {
        lock.lock();
        try {
            reading = false;
            step.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void write(int first, int count) {
        intact.require(first, count); // a copy gets checksums of its own: damage would look right from then on
        incoming.write(first, count, view + (long) first * NativeCore.PAGE_SIZE);
    }

    /**
     * control: what is still missing.
     *
     * @return complete but for {@link IncomingImage#complete}
     * @throws RegionException it was cancelled
     */
    public IncomingImage copyRest() {
        int[] run;
        while ((run = takeRest()) != null) {
            write(run[0], run[1]);
        }
        return incoming;
    }

    private int[] takeRest() {
        lock.lock();
        try {
            if (cancelled != null) {
                throw new RegionException(cancelled);
            }
            return take(0);
        } finally {
            lock.unlock();
        }
    }
}
