// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.votes;

import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.junit.jupiter.api.Test;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.Section;

import static org.junit.jupiter.api.Assertions.assertEquals;

class VotesTest {
    private static final int THREADS = 4;
    private static final int VOTES = 20_000;

    /** Stands for a region: a commit waits until no section is open, and keeps a copy of the memory. */
    private static final class Memory {
        final ByteBuffer bytes = ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.nativeOrder());
        final List<long[]> committed = new ArrayList<>();
        final ReadWriteLock sections = new ReentrantReadWriteLock();

        RegionManager manager() {
            return proxy(RegionManager.class, (name, arguments) -> switch (name) {
                case "open" -> region();
                default -> throw new UnsupportedOperationException(name);
            });
        }

        private Region region() {
            return proxy(Region.class, (name, arguments) -> switch (name) {
                case "buffer" -> bytes;
                case "section" -> section();
                case "commit" -> commit();
                default -> throw new UnsupportedOperationException(name);
            });
        }

        private Section section() {
            sections.readLock().lock();
            return () -> sections.readLock().unlock();
        }

        private long commit() {
            sections.writeLock().lock();
            try {
                long sum = 0;
                for (int candidate = 0; candidate < THREADS; candidate++) {
                    sum += bytes.getLong((1 + candidate) * Long.BYTES);
                }
                committed.add(new long[] {bytes.getLong(0), sum});
                return committed.size();
            } finally {
                sections.writeLock().unlock();
            }
        }

        private interface Call {
            Object of(String name, Object[] arguments);
        }

        private static <T> T proxy(Class<T> type, Call call) {
            return type.cast(Proxy.newProxyInstance(
                    type.getClassLoader(),
                    new Class<?>[] {type},
                    (self, method, arguments) -> call.of(method.getName(), arguments)));
        }
    }

    @Test
    void noVoteOfAnyThreadIsLostAndEveryCommitHasBothWordsOfAVoteOrNeither() throws Exception {
        Memory memory = new Memory();
        Votes votes = new Votes(memory.manager());

        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int candidate = i;
            threads.add(new Thread(() -> {
                for (int vote = 1; vote <= VOTES; vote++) {
                    votes.cast(candidate);
                    if (vote % 100 == 0) {
                        votes.commit();
                    }
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }

        assertEquals((long) THREADS * VOTES, votes.total());
        for (int candidate = 0; candidate < THREADS; candidate++) {
            assertEquals(VOTES, votes.of(candidate));
        }
        assertEquals(THREADS * VOTES / 100, memory.committed.size());
        for (long[] totalAndSum : memory.committed) {
            assertEquals(totalAndSum[0], totalAndSum[1]);
        }
    }
}
