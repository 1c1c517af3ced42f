// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Finds threads that are stuck. It is itself a Java thread: when the JVM waits for a safepoint that never comes, it is
 * silent, and whoever started the process has to notice that.
 */
final class Watchdog {
    /**
     * Longer than a busy machine makes a thread wait for a processor, a disk for a sync, or the kernel for a grace period
     * when memory is added to a virtual machine, which has been seen to take 26 s where other processes kept the kernel's
     * own thread from running.
     */
    static final long PATIENCE_NANOSECONDS = TimeUnit.SECONDS.toNanos(60);

    private record Seen(long steps, long since) {}

    private final Map<Workers.Steps, Seen> seen = new HashMap<>();
    private long longestWait;
    private String longestWaiting = "";

    /**
     * Looks at every thread; to be called again and again, by one thread.
     *
     * @param now as by {@link System#nanoTime}
     * @return the names of the threads that have done no step for {@link #PATIENCE_NANOSECONDS}
     */
    List<String> stuck(List<Workers.Steps> threads, long now) {
        List<String> stuck = new ArrayList<>();
        for (Workers.Steps thread : threads) {
            long steps = thread.count();
            Seen before = seen.get(thread);
            if (before == null || before.steps() != steps) {
                seen.put(thread, new Seen(steps, now));
                continue;
            }
            if (now - before.since() > longestWait) {
                longestWait = now - before.since();
                longestWaiting = thread.name();
            }
            if (now - before.since() > PATIENCE_NANOSECONDS) {
                stuck.add(thread.name());
            }
        }
        return stuck;
    }

    /** The longest time, in nanoseconds, over which no step of one thread has been seen so far. */
    long longestWait() {
        return longestWait;
    }

    /** The name of that thread. */
    String longestWaiting() {
        return longestWaiting;
    }
}
