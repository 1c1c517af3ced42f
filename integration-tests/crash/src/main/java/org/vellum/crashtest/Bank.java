// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.vellum.api.Region;
import org.vellum.api.Section;

/**
 * A bank: several threads transfer money between accounts, most of them within sections, one with
 * {@link Region#atomically}, some of whose bodies fail on purpose.
 *
 * <p>Each thread's transfers are a fixed sequence, drawn from the seed, and how many of them a thread has done is stored
 * in the same section as the transfer. Additions commute, so those counters alone say what every word of the region must
 * be, whatever the threads' interleaving was:
 *
 * <pre>
 *   page 0        magic (8) seed (8)
 *   page 1 + t    transfers done by thread t (8)
 *   page 16 on    accounts, balance (8) each, spread evenly over the rest
 * </pre>
 */
final class Bank implements Check {
    static final int ACCOUNTS = 1024;
    static final long OPENING_BALANCE = 1000;
    /** The last one uses {@link Region#atomically}. */
    static final int THREADS = 4;

    private static final VarHandle WORD = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());
    private static final long MAGIC = 0x42414e4b30303031L;
    private static final int PAGE = 4096;
    private static final int FIRST_ACCOUNT = 16 * PAGE;
    private static final int LONGEST_BURST = 24;
    private static final int FAILING_BODIES = 5;
    private static final int MOST_REPORTED = 8;

    private final long seed;
    private final Rest rest;

    /** @param rest of each thread after each commit */
    Bank(long seed, Rest rest) {
        this.seed = seed;
        this.rest = rest;
    }

    @Override
    public int progressCount() {
        return THREADS;
    }

    // ---- layout ----

    private static int counterOffset(int thread) {
        return (1 + thread) * PAGE;
    }

    private static int accountOffset(int regionSize, long account) {
        int distance = (regionSize - FIRST_ACCOUNT) / ACCOUNTS / Long.BYTES * Long.BYTES;
        return FIRST_ACCOUNT + (int) account * distance;
    }

    /** Sets up an empty bank in memory that is all zeros. */
    void open(ByteBuffer memory) {
        for (int account = 0; account < ACCOUNTS; account++) {
            memory.putLong(accountOffset(memory.capacity(), account), OPENING_BALANCE);
        }
        memory.putLong(8, seed);
        memory.putLong(0, MAGIC);
    }

    // ---- the sequence of transfers ----

    private long random(int thread, long number) {
        return Mix.of(seed, thread, number);
    }

    private static long from(long random) {
        return random >>> 54 & ACCOUNTS - 1;
    }

    private static long to(long random) {
        return from(random) + 1 + (random >>> 34 & 0xfffff) % (ACCOUNTS - 1) & ACCOUNTS - 1;
    }

    private static long amount(long random) {
        return 1 + (random & 0x7f);
    }

    /** Does the next transfer of a thread: what a section must make all or nothing. */
    void transfer(ByteBuffer memory, int thread) {
        long number = memory.getLong(counterOffset(thread));
        long random = random(thread, number);
        add(memory, accountOffset(memory.capacity(), from(random)), -amount(random));
        memory.putLong(counterOffset(thread), number + 1);
        add(memory, accountOffset(memory.capacity(), to(random)), amount(random));
    }

    /** Atomic, because sections of other threads may be at the same account. */
    private static void add(ByteBuffer memory, int offset, long amount) {
        long ignored = (long) WORD.getAndAdd(memory, offset, amount);
    }

    // ---- the oracle ----

    @Override
    public List<String> violations(ByteBuffer image, long epoch, Acknowledged acknowledged) {
        List<String> found = new ArrayList<>();
        if (epoch < acknowledged.epoch()) {
            found.add("a commit is missing: expected epoch " + acknowledged.epoch() + " or later, found " + epoch);
        }
        boolean empty = image.getLong(0) == 0;
        long[] expected = new long[image.capacity() / Long.BYTES];
        if (!empty) {
            expectedImage(image, expected);
            checkSum(image, found);
        }
        for (int thread = 0; thread < THREADS; thread++) {
            long counter = image.getLong(counterOffset(thread));
            if (counter < acknowledged.progress()[thread]) {
                found.add("a commit is missing: expected at least "
                        + acknowledged.progress()[thread] + " transfers of thread " + thread + ", found " + counter);
            }
        }
        Words.compare(image, expected, MOST_REPORTED, found);
        return found;
    }

    private void expectedImage(ByteBuffer image, long[] expected) {
        expected[0] = MAGIC;
        expected[1] = seed;
        for (int account = 0; account < ACCOUNTS; account++) {
            expected[accountOffset(image.capacity(), account) / Long.BYTES] = OPENING_BALANCE;
        }
        for (int thread = 0; thread < THREADS; thread++) {
            long counter = image.getLong(counterOffset(thread));
            expected[counterOffset(thread) / Long.BYTES] = counter;
            for (long number = 0; number < counter; number++) {
                long random = random(thread, number);
                expected[accountOffset(image.capacity(), from(random)) / Long.BYTES] -= amount(random);
                expected[accountOffset(image.capacity(), to(random)) / Long.BYTES] += amount(random);
            }
        }
    }

    private static void checkSum(ByteBuffer image, List<String> found) {
        long sum = 0;
        for (int account = 0; account < ACCOUNTS; account++) {
            sum += image.getLong(accountOffset(image.capacity(), account));
        }
        if (sum != ACCOUNTS * OPENING_BALANCE) {
            found.add("the balances' sum is broken: expected " + ACCOUNTS * OPENING_BALANCE + ", found " + sum);
        }
    }

    // ---- the threads ----

    @Override
    public void start(Region region, Acknowledgement acknowledgement, Workers workers) {
        ByteBuffer memory = region.buffer(0, (int) region.size());
        if (memory.getLong(0) == 0) {
            open(memory);
            acknowledgement.committed(region.commit(), 0);
        }
        // odd while a rollback may be under way: it takes other threads' uncommitted transfers with it
        AtomicLong rollbacks = new AtomicLong();
        for (int thread = 0; thread < THREADS; thread++) {
            int number = thread;
            boolean atomic = thread == THREADS - 1;
            workers.start("bank " + thread, steps -> {
                for (long round = memory.getLong(counterOffset(number)); ; round++) {
                    if (atomic) {
                        commitAtomically(region, memory, number, round, rollbacks, acknowledgement);
                    } else {
                        commitSections(region, memory, number, round, rollbacks, acknowledgement);
                    }
                    steps.done();
                    rest.take();
                }
            });
        }
    }

    private int burst(int thread, long round) {
        return 1 + (int) Math.floorMod(random(thread, ~round), (long) LONGEST_BURST);
    }

    @SuppressWarnings("try") // a section does its work by being open
    private void commitSections(
            Region region,
            ByteBuffer memory,
            int thread,
            long round,
            AtomicLong rollbacks,
            Acknowledgement acknowledgement) {
        long rollbacksBefore = rollbacks.get();
        for (int i = burst(thread, round); i > 0; i--) {
            try (Section section = region.section()) {
                transfer(memory, thread);
            }
        }
        long done = memory.getLong(counterOffset(thread));
        long epoch = region.commit();
        boolean undisturbed = (rollbacksBefore & 1) == 0 && rollbacks.get() == rollbacksBefore;
        if (undisturbed) {
            acknowledgement.committed(epoch, thread, done);
        } else {
            acknowledgement.committed(epoch, thread);
        }
    }

    private void commitAtomically(
            Region region,
            ByteBuffer memory,
            int thread,
            long round,
            AtomicLong rollbacks,
            Acknowledgement acknowledgement) {
        boolean fails = Math.floorMod(random(thread, ~round), FAILING_BODIES) == 0;
        long[] done = new long[1];
        try {
            long epoch = region.atomically(() -> {
                for (int i = burst(thread, round); i > 0; i--) {
                    transfer(memory, thread);
                }
                done[0] = memory.getLong(counterOffset(thread));
                if (fails) {
                    rollbacks.incrementAndGet();
                    throw new BodyFailed();
                }
            });
            acknowledgement.committed(epoch, thread, done[0]);
        } catch (BodyFailed e) {
            rollbacks.incrementAndGet();
        }
    }

    /** What a failing body throws. */
    private static final class BodyFailed extends RuntimeException {
        private static final long serialVersionUID = 1;

        BodyFailed() {
            super("on purpose", null, false, false);
        }
    }
}
