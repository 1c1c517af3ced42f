// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

/** A set of page numbers below a limit, one bit each. Not thread-safe. */
public final class PageSet {
    private final long[] words;
    private final long limit;

    public PageSet(long limit) {
        this.limit = limit;
        words = new long[Math.toIntExact((limit + 63) >>> 6)];
    }

    long limit() {
        return limit;
    }

    public void add(long page) {
        if (page < 0 || page >= limit) {
            throw new IndexOutOfBoundsException("page " + page + " of " + limit);
        }
        words[(int) (page >>> 6)] |= 1L << page;
    }

    void addAll(PageSet other) {
        for (int i = 0; i < words.length; i++) {
            words[i] |= other.words[i];
        }
    }

    public void clear() {
        java.util.Arrays.fill(words, 0);
    }

    public long size() {
        long size = 0;
        for (long word : words) {
            size += Long.bitCount(word);
        }
        return size;
    }

    /** The first member at or behind {@code from}, or -1. */
    long next(long from) {
        int index = (int) (from >>> 6);
        if (index >= words.length) {
            return -1;
        }
        long word = words[index] & (-1L << from);
        while (word == 0) {
            if (++index == words.length) {
                return -1;
            }
            word = words[index];
        }
        return ((long) index << 6) + Long.numberOfTrailingZeros(word);
    }

    /** How many members follow each other from {@code first} on, at most {@code maximum}. */
    int run(long first, int maximum) {
        int count = 0;
        while (count < maximum && first + count < limit && contains(first + count)) {
            count++;
        }
        return count;
    }

    public boolean contains(long page) {
        return (words[(int) (page >>> 6)] & (1L << page)) != 0;
    }
}
