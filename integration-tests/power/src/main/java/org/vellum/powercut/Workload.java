// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * What the region holds behind each step, by seed and step alone. A step stores its own number in word 0 and draws what else
 * it stores: a few words, whole pages, more than a segment of the log holds. Not thread-safe.
 */
final class Workload {
    private static final int PAGE = 4096;
    private static final int MOST_STATES = 8;
    /** In every word that a rollback takes back. */
    private static final long TAKEN_BACK = 1L << 62;

    private final long seed;
    private final int pages;

    /** Of the latest ones that were asked for, for neighbours are asked for again and again. */
    private final TreeMap<Long, byte[]> states = new TreeMap<>();

    private Set<Long> lastWithdrawn = Set.of();

    Workload(long seed, long size) {
        this.seed = seed;
        pages = (int) (size / PAGE);
    }

    /** Word 0: the step that a region holds. */
    static long stepOf(ByteBuffer region) {
        return region.order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    }

    /** Before every sixth step, others are stored and rolled back. */
    boolean rollsBackBefore(long step) {
        return step % 6 == 5;
    }

    void store(ByteBuffer region, long step) {
        store(region, step, step);
    }

    /** What must never be seen again. */
    void storeToTakeBack(ByteBuffer region, long step) {
        store(region, step + 1_000_003, TAKEN_BACK + step);
    }

    private void store(ByteBuffer region, long choice, long value) {
        region.order(ByteOrder.LITTLE_ENDIAN);
        SplittableRandom draw = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + choice);
        int kind = draw.nextInt(24);
        if (kind == 0) {
            int first = draw.nextInt(pages - 90);
            for (int page = first; page < first + 90; page++) {
                fill(region, page, value, draw);
            }
        } else if (kind < 6) {
            for (int i = 0; i < 24; i++) {
                fill(region, draw.nextInt(pages), value, draw);
            }
        } else {
            int words = 1 + draw.nextInt(60);
            for (int i = 0; i < words; i++) {
                region.putLong(Long.BYTES * draw.nextInt(pages * (PAGE / Long.BYTES)), value << 20 ^ draw.nextLong());
            }
        }
        // a line that goes 3, 5, 3, and a page that every step stores to
        region.putLong(64, value % 3 == 0 ? 5 : 3);
        region.putLong(pages / 2 * PAGE + Long.BYTES * (int) (value % 500), value);
        region.putLong(0, value);
    }

    private static void fill(ByteBuffer region, int page, long value, SplittableRandom draw) {
        for (int i = page == 0 ? Long.BYTES : 0; i < PAGE; i += Long.BYTES) {
            region.putLong(page * PAGE + i, draw.nextLong() ^ value);
        }
    }

    /** What a region holds behind a step, without those that were withdrawn; a copy. */
    ByteBuffer state(long step, Set<Long> withdrawn) {
        if (!withdrawn.equals(lastWithdrawn)) {
            states.clear();
            lastWithdrawn = withdrawn;
        }
        Map.Entry<Long, byte[]> known = states.floorEntry(step);
        ByteBuffer state = ByteBuffer.wrap(
                known == null ? new byte[pages * PAGE] : known.getValue().clone());
        for (long next = known == null ? 1 : known.getKey() + 1; next <= step; next++) {
            if (!withdrawn.contains(next)) {
                store(state, next);
            }
        }
        if (known == null || known.getKey() != step) {
            if (states.size() == MOST_STATES) {
                states.pollFirstEntry();
            }
            states.put(step, state.array().clone());
        }
        return state.order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Where two regions differ, in words; empty if they do not. */
    static String difference(ByteBuffer found, ByteBuffer expected) {
        int at = found.duplicate().rewind().mismatch(expected.duplicate().rewind());
        if (at < 0) {
            return "";
        }
        int word = at & -Long.BYTES;
        int differing = 0;
        for (int page = 0; page < found.capacity() / PAGE; page++) {
            differing += found.slice(page * PAGE, PAGE).equals(expected.slice(page * PAGE, PAGE)) ? 0 : 1;
        }
        return "page " + word / PAGE + " holds " + hex(found, word) + " at " + word % PAGE + " instead of "
                + hex(expected, word) + "; " + differing + " pages differ";
    }

    private static String hex(ByteBuffer region, int at) {
        return Long.toHexString(
                region.duplicate().order(ByteOrder.LITTLE_ENDIAN).getLong(at));
    }
}
