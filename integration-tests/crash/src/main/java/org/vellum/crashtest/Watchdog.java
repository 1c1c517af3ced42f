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
     * Far longer than a busy machine makes a thread wait for a processor, or a disk for a sync, and short enough for
     * the short soak to see.
     */
    static final long PATIENCE_NANOSECONDS = TimeUnit.SECONDS.toNanos(25);

    private record Seen(long steps, long since) {}

    private final Map<Workers.Steps, Seen> seen = new HashMap<>();

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
            } else if (now - before.since() > PATIENCE_NANOSECONDS) {
                stuck.add(thread.name());
            }
        }
        return stuck;
    }
}
