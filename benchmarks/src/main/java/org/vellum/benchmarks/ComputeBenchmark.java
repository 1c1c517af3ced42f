// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import com.sun.jna.Memory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

/**
 * The same work in host mode and in guest mode, on one thread, in turns. A store into a region brings the thread into
 * guest mode, a sleep out of it. That it then did all of the piece in that mode is what the VMM's counters say; a round in
 * which it did not is counted, but not compared.
 */
final class ComputeBenchmark implements Benchmark {
    /** About 0.15 s a piece: long against an entry, short against what disturbs. */
    private static final int SORTED = 1 << 21;

    private static final int SLOTS = 1 << 18;
    private static final int OPERATIONS = 6_000_000;
    private static final int MOST_ROUNDS = 200;
    /** Of a measurement's time, for each work. */
    private static final int SHARE = 2;

    private static final double SLOWEST = 0.95;

    private static final int COLD_PAGES = 1024;
    private static final int COLD_ROUNDS = 20;

    private static final int HOST = 0;
    private static final int GUEST = 1;

    /** Parts of a trial. */
    private static final int TIME = 0;

    private static final int IN_MODE = 1;

    @Override
    public String name() {
        return "compute";
    }

    @Override
    public String question() {
        return "Does code run as fast in guest mode as in host mode? Sorting and a hash table, Java and C";
    }

    @Override
    public void run(Workbench workbench, Report report) {
        Optional<GuestMode> guestMode = workbench.guestMode();
        if (guestMode.isEmpty()) {
            report.note("not measured: " + workbench.guestObstacle().orElseThrow());
            return;
        }
        Table table = new Table("work", "rounds", "host mode, ms", "guest mode, ms", "times as long", "speed");
        try (TemporaryRegion temporary =
                workbench.createInGuest(Workbench.MIB, workbench.strategies().get(0))) {
            Modes modes = new Modes(guestMode.get(), temporary.region().buffer(0, RegionMemory.PAGE));
            for (Work work : Work.all(SORTED, SLOTS, OPERATIONS)) {
                measure(workbench, report, table, modes, work);
            }
            report.note("host and guest mode in turns on one thread; every result was the same in both:");
            report.table(table);
            measureColdMemory(report, modes);
        }
    }

    private static void measure(Workbench workbench, Report report, Table table, Modes modes, Work work) {
        long expected = work.run(1);
        Trials.Result result = new Trials(5, MOST_ROUNDS, workbench.budget().dividedBy(SHARE))
                .run(
                        () -> modes.inHostMode(() -> run(work, expected)),
                        () -> modes.inGuestMode(() -> run(work, expected)));
        int[] compared = roundsInTheirModes(result);
        if (compared.length == 0) {
            throw new IllegalStateException(
                    work + ": in none of " + result.rounds()
                            + " rounds did the thread stay in guest mode: something makes it leave (vellum:doctor counts reasons)");
        }
        long[] host = pick(result.part(HOST, TIME), compared);
        long[] guest = pick(result.part(GUEST, TIME), compared);
        Distribution longer = Distribution.ofRatios(guest, host);
        table.row(
                work,
                compared.length + " of " + result.rounds(),
                Distribution.ofNanoseconds(host, 1e6),
                Distribution.ofNanoseconds(guest, 1e6),
                longer,
                Distribution.ofRatios(host, guest));
        report.mustHold(
                work + " in guest mode against host mode",
                longer.median(),
                1 / SLOWEST,
                "times as long (median of rounds)");
    }

    private static void run(Work work, long expected) {
        long result = work.run(1);
        if (result != expected) {
            throw new IllegalStateException(work + ": expected " + expected + ", computed " + result);
        }
    }

    private static int[] roundsInTheirModes(Trials.Result result) {
        long[] host = result.part(HOST, IN_MODE);
        long[] guest = result.part(GUEST, IN_MODE);
        return IntStream.range(0, result.rounds())
                .filter(round -> host[round] == 1 && guest[round] == 1)
                .toArray();
    }

    private static long[] pick(long[] samples, int[] rounds) {
        return Arrays.stream(rounds).mapToLong(round -> samples[round]).toArray();
    }

    /** Memory that is resident, but that guest mode has not seen: what its first touch there costs, page by page. */
    private static void measureColdMemory(Report report, Modes modes) {
        long[] first = new long[COLD_ROUNDS];
        long[] second = new long[COLD_ROUNDS];
        long[] inHost = new long[COLD_ROUNDS];
        int rounds = 0;
        // as one, since an allocator hands out again what was freed, and that is not new
        try (Memory memory = new Memory((long) COLD_ROUNDS * COLD_PAGES * RegionMemory.PAGE)) {
            memory.clear();
            for (int i = 0; i < COLD_ROUNDS; i++) {
                long size = (long) COLD_PAGES * RegionMemory.PAGE;
                ByteBuffer pages = memory.getByteBuffer(i * size, size);
                long host = modes.inHostMode(() -> touch(pages))[TIME];
                long[] cold = modes.inGuestMode(() -> touch(pages));
                long[] warm = modes.inGuestMode(() -> touch(pages));
                if (cold[IN_MODE] == 1 && warm[IN_MODE] == 1) {
                    inHost[rounds] = host;
                    first[rounds] = cold[TIME];
                    second[rounds] = warm[TIME];
                    rounds++;
                }
            }
        }
        if (rounds == 0) {
            report.note("touching cold memory: the thread never stayed in guest mode meanwhile");
            return;
        }
        Table table = new Table("store to a page of resident memory", "ns");
        table.row("host mode", nanosecondsEach(inHost, rounds));
        table.row("guest mode, the first there", nanosecondsEach(first, rounds));
        table.row("guest mode, again", nanosecondsEach(second, rounds));
        report.note("memory new to guest mode, " + COLD_PAGES + " pages in order, " + rounds + " rounds:");
        report.table(table);
    }

    private static Distribution nanosecondsEach(long[] samples, int rounds) {
        return Distribution.ofNanoseconds(Arrays.copyOf(samples, rounds), COLD_PAGES);
    }

    private static void touch(ByteBuffer pages) {
        for (int page = 0; page < COLD_PAGES; page++) {
            pages.putLong(page * RegionMemory.PAGE, page);
        }
    }

    /** The measuring thread, which nobody but itself brings into guest mode. */
    private static final class Modes {
        private final GuestMode counters;
        private final ByteBuffer page;
        private long value;

        Modes(GuestMode counters, ByteBuffer page) {
            this.counters = counters;
            this.page = page;
        }

        long[] inHostMode(Runnable piece) {
            sleep();
            return timed(piece, 0);
        }

        long[] inGuestMode(Runnable piece) {
            page.putLong(0, ++value);
            return timed(piece, 1);
        }

        /**
         * Time, and whether as many threads as expected were in guest mode before, after and so in between: without an
         * entry or a leave nothing can have changed.
         */
        private long[] timed(Runnable piece, long expectedInGuest) {
            long entries = counters.entries();
            long leaves = counters.leaves();
            long started = System.nanoTime();
            piece.run();
            long took = System.nanoTime() - started;
            boolean inMode =
                    entries - leaves == expectedInGuest && counters.entries() == entries && counters.leaves() == leaves;
            return new long[] {took, inMode ? 1 : 0};
        }

        /** A system call that may block: no VMM makes it for a guest. */
        private static void sleep() {
            try {
                Thread.sleep(1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while measuring", e);
            }
        }
    }
}
