// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.SplittableRandom;
import org.vellum.api.Region;

/**
 * What one writer stores into some regions, and what they must therefore hold. Every page is shared with the other
 * writers, and so is the cache line: a store that overwrites its neighbours, or is lost, shows. Not for several threads
 * at once.
 */
final class Ledger {
    static final int PAGE = 4096;

    private final List<ByteBuffer> contents;
    private final int writer;
    private final long[][] expected;
    private final SplittableRandom random;
    private long stores;

    /** @param writer tells its slot on each page; 0 to 7 */
    Ledger(List<Region> regions, int writer) {
        this.contents = regions.stream().map(Ledger::content).toList();
        this.writer = writer;
        this.expected = regions.stream()
                .map(region -> new long[(int) (region.size() / PAGE)])
                .toArray(long[][]::new);
        this.random = new SplittableRandom(writer);
    }

    private static ByteBuffer content(Region region) {
        return region.buffer(0, (int) region.size());
    }

    /** Stores a number into each region, on a page of its choice, that tells what was there before. */
    void store() {
        for (int region = 0; region < expected.length; region++) {
            long[] pages = expected[region];
            int page = random.nextInt(pages.length);
            int offset = page * PAGE + writer * Long.BYTES;
            ByteBuffer content = contents.get(region);
            checkSame(region, page, content.getLong(offset), pages[page]);
            pages[page] = pages[page] * 31 + ++stores;
            content.putLong(offset, pages[page]);
        }
    }

    /** A store that nobody will look for: to the last line of a page. */
    void scribble(int number) {
        for (ByteBuffer content : contents) {
            int page = (number & Integer.MAX_VALUE) % (content.capacity() / PAGE);
            content.putLong(page * PAGE + PAGE - (writer + 1) * Long.BYTES, number);
        }
    }

    /** Fails unless the regions, perhaps reopened, hold everything. */
    void check(List<Region> regions) {
        for (int region = 0; region < expected.length; region++) {
            ByteBuffer content = content(regions.get(region));
            for (int page = 0; page < expected[region].length; page++) {
                checkSame(region, page, content.getLong(page * PAGE + writer * Long.BYTES), expected[region][page]);
            }
        }
    }

    private void checkSame(int region, int page, long found, long wanted) {
        if (found != wanted) {
            throw new AssertionError("region " + region + ", page " + page + ", writer " + writer + ": stored " + wanted
                    + ", found " + found);
        }
    }
}
