// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.vellum.api.Region;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class StallMeterTest {
    private static final int PAGES = 8;
    private static final int PAGE = 4096;
    private static final int MANY = 10_000;

    private final ByteBuffer memory = ByteBuffer.allocateDirect(PAGES * PAGE).order(ByteOrder.nativeOrder());

    /** Nothing but memory. */
    private Region region() {
        return (Region) Proxy.newProxyInstance(
                Region.class.getClassLoader(),
                new Class<?>[] {Region.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "size" -> (long) memory.capacity();
                    case "buffer" -> memory;
                    default -> throw new UnsupportedOperationException(method.getName());
                });
    }

    @Test
    void aStoreThatIsLostEndsIt() throws Exception {
        StallMeter meter = new StallMeter(region());
        CompletableFuture<Throwable> failure = new CompletableFuture<>();
        new Workers((thread, exception) -> failure.complete(exception)).start("meter", meter);
        while (meter.stores() < MANY) {
            Thread.onSpinWait();
        }
        assertTrue(meter.longest() > 0);
        assertTrue(!failure.isDone());
        memory.putLong(3 * PAGE, 1); // as long ago
        Throwable ending = failure.get(20, TimeUnit.SECONDS);
        assertEquals(IllegalStateException.class, ending.getClass());
        assertTrue(ending.getMessage().contains("page 3 holds 1 instead of "), ending.getMessage());
    }
}
