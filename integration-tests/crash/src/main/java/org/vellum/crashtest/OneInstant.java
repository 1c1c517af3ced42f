// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.vellum.api.Region;

/**
 * Stores without any section, while another thread commits: is every cut one instant for all threads?
 *
 * <p>A writer stores x into each place of its chain, in program order, then x + 1, and so on for ever. At any instant
 * a prefix of the chain holds x and the rest x - 1. So an image in which a later place is ahead of an earlier one, or
 * in which a chain spans more than one step, is no instant. The places lie on pages far apart, up and down, so that a
 * cut which goes through the pages one after another, while writers run, is caught.
 *
 * <p>The relay does this across threads: the first stores x, the second stores what it has <em>read</em> of the first,
 * the third what it has read of the second.
 *
 * <pre>
 *   place i of chain c: page (see {@link #page}), line c of it
 * </pre>
 *
 * All other words stay zero.
 */
final class OneInstant implements Check {
    private static final VarHandle WORD = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

    /** Places of each chain; the last chain is the relay. */
    private static final int[] PLACES = {2, 8, 48, 3};

    private static final double GOLDEN_SECTION = 0.6180339887498949;
    private static final int RELAY = PLACES.length - 1;
    private static final int PAGE = 4096;
    private static final int LINE = 64;
    private static final int MOST_REPORTED = 8;

    private final Rest rest;

    /** @param rest of each thread after each step */
    OneInstant(Rest rest) {
        this.rest = rest;
    }

    @Override
    public int progressCount() {
        return PLACES.length;
    }

    // ---- layout ----

    /**
     * Pages 10 and 20 first, as the shortest chain; then all over the region, in both directions, no page twice (steps
     * of the golden section divide it evenly).
     */
    private static int page(int regionSize, int place) {
        int pages = regionSize / PAGE;
        return place < 2 ? 10 * (place + 1) : 21 + (int) ((place * GOLDEN_SECTION) % 1 * (pages - 21));
    }

    private static int offset(int regionSize, int chain, int place) {
        return page(regionSize, place) * PAGE + chain * LINE;
    }

    private static long load(ByteBuffer memory, int chain, int place) {
        return (long) WORD.getAcquire(memory, offset(memory.capacity(), chain, place));
    }

    /** Release: neither the compiler nor the processor moves it before an earlier store. */
    private static void store(ByteBuffer memory, int chain, int place, long value) {
        WORD.setRelease(memory, offset(memory.capacity(), chain, place), value);
    }

    /** Brings the places from {@code first} on to {@code value}, in order; for tests of the oracle, places may be left out. */
    static void storeChain(ByteBuffer memory, int chain, int first, int end, long value) {
        for (int place = first; place < end; place++) {
            store(memory, chain, place, value);
        }
    }

    static int places(int chain) {
        return PLACES[chain];
    }

    // ---- the oracle ----

    @Override
    public List<String> violations(ByteBuffer image, long epoch, Acknowledged acknowledged) {
        List<String> found = new ArrayList<>();
        if (epoch < acknowledged.epoch()) {
            found.add("a commit is missing: expected epoch " + acknowledged.epoch() + " or later, found " + epoch);
        }
        long[] expected = new long[image.capacity() / Long.BYTES];
        for (int chain = 0; chain < PLACES.length; chain++) {
            checkChain(image, chain, found);
            int last = PLACES[chain] - 1;
            if (load(image, chain, last) < acknowledged.progress()[chain]) {
                found.add(
                        "a commit is missing: expected at least " + acknowledged.progress()[chain]
                                + " at the last place of chain " + chain + ", found " + load(image, chain, last));
            }
            for (int place = 0; place <= last; place++) {
                expected[offset(image.capacity(), chain, place) / Long.BYTES] = load(image, chain, place);
            }
        }
        Words.compare(image, expected, MOST_REPORTED, found);
        return found;
    }

    private static void checkChain(ByteBuffer image, int chain, List<String> found) {
        for (int place = 1; place < PLACES[chain]; place++) {
            long earlier = load(image, chain, place - 1);
            long later = load(image, chain, place);
            // a relay's reader may lag behind by any number of steps, a writer's own stores by one
            if (later > earlier || (chain != RELAY && earlier - later > 1)) {
                found.add("the cut is not one instant: chain " + chain + " has " + earlier + " at place " + (place - 1)
                        + " (page " + page(image.capacity(), place - 1) + "), so expected at place " + place + " (page "
                        + page(image.capacity(), place) + ") "
                        + (chain == RELAY ? earlier + " or less" : earlier + " or " + (earlier - 1)) + ", found "
                        + later);
            }
        }
        long first = load(image, chain, 0);
        long last = load(image, chain, PLACES[chain] - 1);
        if (chain != RELAY && first - last > 1) {
            found.add("the cut is not one instant: chain " + chain + " spans expected at most one step, found " + first
                    + " at its first place and " + last + " at its last");
        }
    }

    // ---- the threads ----

    @Override
    public void start(Region region, Acknowledgement acknowledgement, Workers workers) {
        ByteBuffer memory = region.buffer(0, (int) region.size());
        for (int chain = 0; chain < RELAY; chain++) {
            int writer = chain;
            workers.start("chain " + chain, steps -> {
                // the step that the crash cut short is completed first
                for (long value = load(memory, writer, 0); ; value++) {
                    storeChain(memory, writer, 0, PLACES[writer], value);
                    steps.done();
                    rest.take();
                }
            });
        }
        workers.start("relay 0", steps -> {
            for (long value = load(memory, RELAY, 0); ; value++) {
                store(memory, RELAY, 0, value);
                steps.done();
                rest.take();
            }
        });
        for (int place = 1; place < PLACES[RELAY]; place++) {
            int own = place;
            workers.start("relay " + place, steps -> {
                while (true) {
                    store(memory, RELAY, own, load(memory, RELAY, own - 1));
                    steps.done();
                    rest.take();
                }
            });
        }
        workers.start("committer", steps -> {
            long[] before = new long[PLACES.length];
            while (true) {
                for (int chain = 0; chain < PLACES.length; chain++) {
                    before[chain] = load(memory, chain, PLACES[chain] - 1);
                }
                acknowledgement.committed(region.commit(), 0, before);
                steps.done();
                rest.take();
            }
        });
    }
}
