// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Judges whether a process grew among swaps, by what it held again and again.
 *
 * <p>What a process holds at one moment is noisy: a thread that is about to end, a chunk of metaspace, an allocator's
 * arena. Noise adds, so the least of several counts is taken. And a JVM warms up: it compiles, and the allocator keeps
 * what the compiler had for a moment (8 MiB in the first 300 swaps, and no more in the next 1,900). So the second quarter
 * of the counts is compared with the last one. What a leak adds it keeps: once a swap that is 25 between two counts,
 * which are 25 swaps apart; once an update or refresh of a bundle about 4.
 */
final class Growth {
    /** So many counts say something of growth. */
    static final int FEWEST_COUNTS = 4;

    /** Of a thing that is counted, how much more at the end is no leak, and why. */
    private static final Map<String, Long> SLACK = new LinkedHashMap<>();

    static {
        // the last generation of a bundle or two may be held by a thread's stack, a cleaner's queue or a soft reference
        SLACK.put("loaders", 3L);
        SLACK.put("files", 3L);
        SLACK.put("threads", 3L);
        // of one library whose bundle is held as above: five mappings each
        SLACK.put("libraries", 15L);
        // the JVM's own: allocator's arenas, metaspace, stacks
        SLACK.put("mappings", 30L);
        // blocks of the two regions that happen to be mapped unlike their neighbours; least counts are seen from 6 to
        // 60
        SLACK.put("images", 80L);
        // of the launcher and the JDK, loaded at first use; a bundle's generation has 10 to 60
        SLACK.put("classes", 120L);
        // the allocator's arenas while the JVM warms up, and fragmentation; the pre-images of one region are 4 MiB
        SLACK.put("nativeKiB", 10L << 10);
        // the working images of both regions, mapped twice: all there, or none while they are written in place or have
        // just moved; one that leaks with each move is 4 MiB or 8, and 25 swaps have three moves
        SLACK.put("sharedKiB", 16L << 10);
        // two arenas of 64 MiB, which an allocator reserves for a thread
        SLACK.put("virtualMiB", 128L);
    }

    private Growth() {}

    /** What is counted. */
    static Set<String> names() {
        return SLACK.keySet();
    }

    /** @return a sentence for each thing that grew, empty: none */
    static List<String> leaks(List<Map<String, Long>> counts) {
        List<String> leaks = new ArrayList<>();
        SLACK.forEach((name, slack) -> {
            long first = first(counts, name);
            long last = last(counts, name);
            if (last - first > slack) {
                leaks.add(name + " grew from " + first + " to " + last + ", by more than " + slack + ": "
                        + counts.stream().map(held -> held.get(name)).toList());
            }
        });
        return leaks;
    }

    /** What was held early and late, for people. */
    static String text(List<Map<String, Long>> counts) {
        List<String> words = new ArrayList<>();
        names().forEach(name ->
                words.add(String.format(Locale.ROOT, "%s %d → %d", name, first(counts, name), last(counts, name))));
        return String.join(", ", words);
    }

    private static long first(List<Map<String, Long>> counts, String name) {
        return least(counts.subList(counts.size() / 4, counts.size() / 2), name);
    }

    private static long last(List<Map<String, Long>> counts, String name) {
        return least(counts.subList(counts.size() - counts.size() / 4, counts.size()), name);
    }

    private static long least(List<Map<String, Long>> counts, String name) {
        return counts.stream().mapToLong(held -> held.get(name)).min().orElseThrow();
    }
}
