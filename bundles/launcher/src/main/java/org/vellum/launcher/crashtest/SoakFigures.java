package org.vellum.launcher.crashtest;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.vellum.launcher.framework.ApplicationLine;

/** What the processes of a soak say of themselves, over all of them. Safe for use by many threads. */
final class SoakFigures {
    /**
     * By how much a process may hold more at its end than after its first swaps: what a JVM does by itself, such as
     * compiling, and no more than that.
     */
    private static final Map<String, Long> SLACK =
            Map.of("files", 4L, "mappings", 60L, "threads", 4L, "classes", 60L, "memoryKiB", 24L << 10);

    private long[] stalls = new long[1024];
    private int stallCount;
    private long requested;
    private long replaced;
    private long longestGate;
    private final Set<String> refusals = new LinkedHashSet<>();
    private long refused;
    private Map<String, Long> first = Map.of();
    private Map<String, Long> last = Map.of();

    /** @return whether it is a line of these */
    synchronized boolean take(ApplicationLine line) {
        switch (line.kind()) {
            case "swapped" -> {
                requested++;
                longestGate = Math.max(longestGate, line.number("gate"));
            }
            case "replaced" -> replaced++;
            case "refused" -> {
                refused++;
                if (refusals.size() < 5) {
                    refusals.add(line.rest());
                }
            }
            case "stalled" -> stalled(line.number("nanoseconds"));
            case "holds" -> holds(line);
            default -> {
                return false;
            }
        }
        return true;
    }

    private void stalled(long nanoseconds) {
        if (stallCount == stalls.length) {
            stalls = Arrays.copyOf(stalls, 2 * stallCount);
        }
        stalls[stallCount++] = nanoseconds;
    }

    private void holds(ApplicationLine line) {
        Map<String, Long> held = new LinkedHashMap<>();
        for (String name : new String[] {"files", "mappings", "threads", "classes", "memoryKiB"}) {
            held.put(name, line.number(name));
        }
        first = first.isEmpty() ? held : first;
        last = held;
    }

    /** Another process begins. */
    synchronized void forgetHoldings() {
        first = Map.of();
        last = Map.of();
    }

    synchronized long swaps() {
        return requested + replaced;
    }

    synchronized long requested() {
        return requested;
    }

    synchronized long replaced() {
        return replaced;
    }

    synchronized long refused() {
        return refused;
    }

    synchronized Set<String> refusals() {
        return Set.copyOf(refusals);
    }

    synchronized long longestGate() {
        return longestGate;
    }

    /** The stall that `share` of all are no longer than; 0: there were none. */
    synchronized long stall(double share) {
        long[] sorted = Arrays.copyOf(stalls, stallCount);
        Arrays.sort(sorted);
        return stallCount == 0 ? 0 : sorted[Math.min(stallCount - 1, (int) (share * stallCount))];
    }

    /** Of the process that began last; each what it held after its first swaps and at its end. */
    synchronized Map<String, long[]> holdings() {
        Map<String, long[]> both = new LinkedHashMap<>();
        first.forEach((name, held) -> both.put(name, new long[] {held, last.get(name)}));
        return both;
    }

    static boolean isLeak(String name, long[] held) {
        return held[1] - held[0] > SLACK.get(name);
    }
}
