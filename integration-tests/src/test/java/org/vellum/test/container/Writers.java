// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.vellum.api.Region;

import static org.junit.Assert.assertEquals;

/**
 * Threads that count, each in words of its own, one a page, and check at every step that they find what they stored
 * last.
 */
final class Writers implements AutoCloseable {
    private static final int THREADS = 4;
    private static final long PATIENCE_MILLISECONDS = 200_000;

    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicLong steps = new AtomicLong();
    private final List<CompletableFuture<long[]>> counts = new ArrayList<>();

    Writers(Region region) {
        for (int number = 0; number < THREADS; number++) {
            int offset = number * Long.BYTES;
            counts.add(CompletableFuture.supplyAsync(
                    () -> count(region, offset), task -> new Thread(task, "writer").start()));
        }
    }

    private long[] count(Region region, int offset) {
        ByteBuffer words = region.buffer(0, (int) region.size()).order(ByteOrder.nativeOrder());
        long[] expected = new long[words.capacity() / 4096];
        int page = offset;
        while (!stop.get()) {
            page = (page + 37) % expected.length;
            int place = page * 4096 + offset;
            long found = words.getLong(place);
            if (found != expected[page]) {
                throw new AssertionError("page " + page + ": " + found + " instead of " + expected[page]);
            }
            words.putLong(place, ++expected[page]);
            steps.incrementAndGet();
        }
        return expected;
    }

    void awaitProgress() throws Exception {
        for (CompletableFuture<long[]> count : counts) {
            if (count.isDone()) {
                count.join();
            }
        }
        long before = steps.get();
        Await.until("the writers go on", () -> steps.get() > before + 1000);
    }

    void check(Region region) {
        stop.set(true);
        ByteBuffer words = region.buffer(0, (int) region.size()).order(ByteOrder.nativeOrder());
        for (int number = 0; number < THREADS; number++) {
            long[] expected = counts.get(number)
                    .orTimeout(PATIENCE_MILLISECONDS, TimeUnit.MILLISECONDS)
                    .join();
            for (int page = 0; page < expected.length; page++) {
                assertEquals(expected[page], words.getLong(page * 4096 + number * Long.BYTES));
            }
        }
    }

    @Override
    public void close() {
        stop.set(true);
        counts.forEach(count ->
                count.orTimeout(PATIENCE_MILLISECONDS, TimeUnit.MILLISECONDS).join());
    }
}
