package org.vellum.runtime;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.vellum.api.Section;

/** The open sections of one region: many at a time, or a cut, a rollback or a close and none. */
final class Sections {
    private final String region;
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock(true);

    Sections(String region) {
        this.region = region;
    }

    /** Held by whoever needs that no section is open. */
    Lock none() {
        return lock.writeLock();
    }

    /** @param requirement throws where there must not be any section, once this one is open */
    Section open(Runnable requirement) {
        lock.readLock().lock();
        boolean open = false;
        try {
            requirement.run();
            open = true;
            return new OpenSection(Thread.currentThread());
        } finally {
            if (!open) {
                lock.readLock().unlock();
            }
        }
    }

    boolean isHeldByCurrentThread() {
        return lock.getReadHoldCount() > 0;
    }

    /** Ends every section of the calling thread; whether there were any. */
    boolean endOwn() {
        int held = lock.getReadHoldCount();
        for (int i = 0; i < held; i++) {
            lock.readLock().unlock();
        }
        return held > 0;
    }

    private final class OpenSection implements Section {
        private final Thread opener;
        private final AtomicBoolean closed = new AtomicBoolean();

        private OpenSection(Thread opener) {
            this.opener = opener;
        }

        @Override
        public void close() {
            Thread closer = Thread.currentThread();
            if (closer != opener) {
                throw new IllegalStateException("region '" + region + "': the section that thread '" + opener.getName()
                        + "' opened is to be closed by it, not by thread '" + closer.getName() + "'");
            }
            // Without a hold left, this thread closed the region inside the section, which ended it.
            if (closed.compareAndSet(false, true) && isHeldByCurrentThread()) {
                lock.readLock().unlock();
            }
        }
    }
}
