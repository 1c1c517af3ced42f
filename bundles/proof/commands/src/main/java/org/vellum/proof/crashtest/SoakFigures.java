// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.HdrHistogram.Histogram;
import org.vellum.proof.application.ApplicationLine;

/** What the processes of a soak say of themselves, over all of them. Safe for use by many threads. */
final class SoakFigures {
    private static final int MOST_REFUSALS = 5;
    private static final int RECENT = 4;
    /** Of a stall's duration. */
    private static final int SIGNIFICANT_DIGITS = 3;

    private final Histogram stalls = new Histogram(SIGNIFICANT_DIGITS);
    private long swapCount;
    private final Map<String, Long> swapsBy = new TreeMap<>();
    private long unchanged;
    private long longestGate;
    private final Set<String> refusals = new LinkedHashSet<>();
    private long refused;
    private long longestWait;
    private String longestWaiting = "none";
    // of the process that began last
    private boolean swapping;
    private final Deque<String> recent = new ArrayDeque<>();
    private final List<Map<String, Long>> holdings = new ArrayList<>();
    private String stuck = "";

    /** Another process begins. */
    synchronized void begin() {
        swapping = false;
        recent.clear();
        holdings.clear();
        stuck = "";
    }

    /** @return whether it is a line of these */
    synchronized boolean take(ApplicationLine line) {
        switch (line.kind()) {
            case "swapping" -> {
                swapping = true;
                remember(line.rest());
            }
            case "swapped" -> {
                swapping = false;
                swapCount++;
                swapsBy.merge("way " + line.fields().get("way").toLowerCase(Locale.ROOT), 1L, Long::sum);
                swapsBy.merge("axis " + line.fields().get("axis"), 1L, Long::sum);
                longestGate = Math.max(longestGate, line.number("gate"));
            }
            case "unchanged" -> {
                swapping = false;
                unchanged++;
            }
            case "refused" -> {
                swapping = false;
                refused++;
                if (refusals.size() < MOST_REFUSALS) {
                    refusals.add(line.rest());
                }
            }
            case "stalled" -> stalls.recordValue(line.number("nanoseconds"));
            case "holds" -> {
                Map<String, Long> held = new LinkedHashMap<>();
                for (String name : Growth.names()) {
                    held.put(name, line.number(name));
                }
                holdings.add(held);
            }
            case "stuck" -> stuck = line.rest();
            case "pulse" -> {
                if (line.number("waited") > longestWait) {
                    longestWait = line.number("waited");
                    longestWaiting = line.rest().substring(line.rest().indexOf("thread=") + "thread=".length());
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private void remember(String swap) {
        recent.addLast(swap);
        if (recent.size() > RECENT) {
            recent.removeFirst();
        }
    }

    /** Steps that changed a region's tuple, also if it was changed back. */
    synchronized long swaps() {
        return swapCount;
    }

    /** The same by axis, and by the way they came about. */
    synchronized SortedMap<String, Long> swapsBy() {
        return new TreeMap<>(swapsBy);
    }

    /** Steps that changed no region's tuple: a provider came and went that none used. */
    synchronized long unchanged() {
        return unchanged;
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

    /** The duration that so many per cent of the stalls do not exceed; 0: there were none. */
    synchronized long stall(double percent) {
        return stalls.getValueAtPercentile(percent);
    }

    /** The longest time, to the second, for which no step of some thread was seen; in nanoseconds. */
    synchronized long longestWait() {
        return longestWait;
    }

    /** The name of that thread. */
    synchronized String longestWaiting() {
        return longestWaiting;
    }

    /** Whether the process that began last ended in the middle of a swap. */
    synchronized boolean endedInASwap() {
        return swapping;
    }

    /** What the process that began last did at last, a line each. */
    synchronized List<String> recentSwaps() {
        return List.copyOf(recent);
    }

    /** The threads of the process that began last of which it said that they are stuck; empty: none. */
    synchronized String stuck() {
        return stuck;
    }

    /** What the process that began last held, one count after the other. */
    synchronized List<Map<String, Long>> holdings() {
        return List.copyOf(holdings);
    }
}
