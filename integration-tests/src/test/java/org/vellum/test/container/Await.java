// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import java.time.Duration;
import java.util.concurrent.Callable;

/** Waits for what happens on another thread. */
final class Await {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final long PAUSE_MILLISECONDS = 10;

    private Await() {}

    /** Returns as soon as {@code condition} holds; fails, naming {@code what}, when it never does. */
    static void until(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.call()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not within " + PATIENCE.toSeconds() + " s: " + what);
            }
            Thread.sleep(PAUSE_MILLISECONDS);
        }
    }
}
