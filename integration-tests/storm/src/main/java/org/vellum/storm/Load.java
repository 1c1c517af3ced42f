// SPDX-License-Identifier: Apache-2.0
package org.vellum.storm;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.vellum.api.Region;
import org.vellum.api.Section;

/**
 * Stores to a region and commits it, on a thread each, until it is ended.
 *
 * <p>Every store counts: it moves on the total, the counter of one page and that counter's double in the same section, so in every
 * committed state the doubles are equal and the counters sum up to the total. A commit makes durable at least the total that was read
 * before it.
 */
final class Load {
    /** What its region must hold, in bytes. */
    static final String SIZE = "1 MiB";

    private static final int PAGE = 4096;
    private static final int PAGES = 64;
    private static final int TOTAL = 0;
    private static final int DOUBLE = 2048;
    private static final long PAUSE_NANOSECONDS = TimeUnit.MICROSECONDS.toNanos(300);
    private static final long COMMIT_PAUSE_NANOSECONDS = TimeUnit.MILLISECONDS.toNanos(5);
    /** A thread that does not end in this time never will. */
    private static final long PATIENCE_MILLISECONDS = 120_000;

    private final Region region;
    private final Notes notes;
    private final ByteBuffer buffer;
    private final List<Thread> threads;
    private volatile boolean ended;

    Load(String user, Region region, Map<String, Object> map) {
        this.region = region;
        this.notes = new Notes(user, map);
        this.buffer = region.buffer(0, (PAGES + 1) * PAGE);
        check();
        threads = List.of(
                new Thread(this::store, "storm writer " + user), new Thread(this::commits, "storm committer " + user));
        notes.put(Notes.RUNS, 1L);
        threads.forEach(thread -> {
            thread.setDaemon(true);
            thread.start();
        });
    }

    /** Nobody stores: what is there was committed, and is no less than what was acknowledged. */
    private void check() {
        long acknowledged = notes.number(Notes.ACKNOWLEDGED);
        long epoch = region.status().epoch();
        long total = buffer.getLong(TOTAL);
        if (total < acknowledged) {
            notes.wrong(region.name() + " holds " + total + " stores at epoch " + epoch + ", and " + acknowledged
                    + " were acknowledged at epoch " + notes.number(Notes.EPOCH) + "; "
                    + region.status().providers());
        }
        if (epoch < notes.number(Notes.EPOCH)) {
            notes.wrong(region.name() + " is at epoch " + epoch + ", and " + notes.number(Notes.EPOCH)
                    + " was acknowledged");
        }
        long sum = 0;
        for (int page = 1; page <= PAGES; page++) {
            long counter = buffer.getLong(page * PAGE);
            if (buffer.getLong(page * PAGE + DOUBLE) != counter) {
                notes.wrong(region.name() + ", page " + page + ": " + counter + " and "
                        + buffer.getLong(page * PAGE + DOUBLE));
            }
            sum += counter;
        }
        if (sum != total) {
            notes.wrong(region.name() + ": the pages count " + sum + " stores, the total is " + total);
        }
        notes.count(Notes.OPENINGS);
    }

    @SuppressWarnings("try") // a section is for its scope
    private void store() {
        Random random = new Random();
        while (!ended) {
            try (Section section = region.section()) {
                int page = (1 + random.nextInt(PAGES)) * PAGE;
                long counter = buffer.getLong(page) + 1;
                buffer.putLong(page, counter);
                buffer.putLong(page + DOUBLE, counter);
                buffer.putLong(TOTAL, buffer.getLong(TOTAL) + 1);
            } catch (RuntimeException | InternalError e) { // closed under us, which whoever did it tells us soon
                if (!region.isOpen()) {
                    return;
                }
            }
            LockSupport.parkNanos(PAUSE_NANOSECONDS);
        }
    }

    private void commits() {
        while (!ended && region.isOpen()) {
            try {
                commit();
            } catch (RuntimeException | InternalError e) { // without a store for a while, or closed
                notes.put("commit", String.valueOf(e.getMessage()));
            }
            LockSupport.parkNanos(COMMIT_PAUSE_NANOSECONDS);
        }
    }

    @SuppressWarnings("try") // as above
    private void commit() {
        long total;
        try (Section section = region.section()) {
            total = buffer.getLong(TOTAL);
        }
        long epoch = region.commit();
        notes.put(Notes.ACKNOWLEDGED, total);
        notes.put(Notes.EPOCH, epoch);
        notes.count(Notes.COMMITS);
    }

    /** Ends the threads and commits a last time. */
    void end() {
        ended = true;
        notes.remove(Notes.RUNS);
        for (Thread thread : threads) {
            try {
                thread.join(PATIENCE_MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            if (thread.isAlive()) {
                notes.wrong(thread.getName() + " is stuck: " + List.of(thread.getStackTrace()));
            }
        }
        try {
            commit();
            notes.count(Notes.ENDS);
        } catch (RuntimeException e) {
            notes.put(Notes.REASON, e.getClass().getSimpleName() + ": " + e.getMessage());
            notes.count(Notes.REFUSED);
        }
    }
}
