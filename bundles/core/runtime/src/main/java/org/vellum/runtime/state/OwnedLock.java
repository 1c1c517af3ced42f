// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.state;

import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.vellum.runtime.waiting.Threads;
import org.vellum.runtime.waiting.Wait;

/** A fair, reentrant lock that knows who has it, since when and for what. Waiting for it is a {@link Wait}. */
public final class OwnedLock {
    private static final class Lock extends ReentrantLock {
        private static final long serialVersionUID = 1;

        private Lock() {
            super(true);
        }

        private Thread owner() {
            return getOwner();
        }
    }

    private final Lock lock = new Lock();
    private volatile String operation = "";
    private volatile Instant since = Instant.EPOCH;

    /**
     * @param wait of the call
     * @param operation what it is taken for, such as {@code commit()}
     */
    public void acquire(Wait wait, String operation) {
        if (!acquireAtOnce(operation)) {
            wait.begin(this::owner);
            try {
                while (!acquireIn(wait)) {
                    wait.check();
                }
            } finally {
                wait.end();
            }
            takenFor(operation);
        }
    }

    /** Does not overtake those that wait. */
    public boolean acquireAtOnce(String operation) {
        if (lock.isHeldByCurrentThread()) {
            lock.lock();
            return true;
        }
        if (lock.hasQueuedThreads() || !lock.tryLock()) {
            return false;
        }
        takenFor(operation);
        return true;
    }

    private boolean acquireIn(Wait wait) {
        long left = wait.left();
        try {
            if (left == Wait.ENDLESS) {
                lock.lockInterruptibly();
                return true;
            }
            return left > 0 && lock.tryLock(left, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            wait.interrupt();
            return false;
        }
    }

    private void takenFor(String purpose) {
        operation = purpose;
        since = Instant.now();
    }

    /** What its owner does now. */
    public void goesOnWith(String purpose) {
        operation = purpose;
    }

    public void release() {
        lock.unlock();
    }

    public boolean isHeldByCurrentThread() {
        return lock.isHeldByCurrentThread();
    }

    /** Null: nobody. */
    public Thread ownerThread() {
        return lock.owner();
    }

    public Instant since() {
        return since;
    }

    /** Who has it, for people; a moment later it may be somebody else. */
    public String owner() {
        Thread owner = lock.owner();
        return owner == null
                ? "its turn"
                : Threads.sentence(owner) + ", which is in " + operation + " for " + Threads.since(since);
    }
}
