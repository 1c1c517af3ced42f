// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A recorded disk at any moment at which the power may go: it holds all that a flush has covered, and of what was written since
 * whatever a <i>variant</i> says. A write that was under way when a flush arrived is not covered by that flush.
 *
 * <p>Variant 0 has everything, 1 nothing; the others are drawn: subsets, prefixes in order of arrival, the last ones alone, all but one, late ones
 * of which the early ones are missing, and torn ones. The same seed, event and variant are the same image.
 */
final class CutDisk {
    private static final int SECTOR = SparseDisk.SECTOR;
    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final byte[] ZERO_SECTOR = new byte[SECTOR];

    private final List<Event> events;
    private final int tear;
    private final long seed;
    private final SparseDisk durable;
    /** In order of arrival. */
    private final List<Pending> pending = new ArrayList<>();
    /** Where lost writes are lost; none: everywhere. */
    private final List<long[]> ranges = new ArrayList<>();
    /** Of flushes that have arrived: which event that was. */
    private final Map<Integer, Integer> arrivals = new HashMap<>();

    private int position;
    private long durableKey;

    CutDisk(SparseDisk base, List<Event> events, int tear, long seed) {
        this.durable = base;
        this.events = events;
        this.tear = tear;
        this.seed = seed;
    }

    /** A write that may be lost; {@code done} is the number of the event that said so. */
    private static final class Pending {
        private final Event write;
        private int done = Integer.MAX_VALUE;

        Pending(Event write) {
            this.write = write;
        }
    }

    /** Bytes that reach the medium, whole sectors. Null bytes are zeros. */
    record Piece(long offset, byte[] bytes, int from, int length) {
        private static Piece of(Event write) {
            return new Piece(
                    write.offset(), write.kind() == Event.ZEROS ? null : write.bytes(), 0, (int) write.length());
        }

        private Piece part(int at, int partLength) {
            return new Piece(offset + at, bytes, from + at, Math.min(partLength, length - at));
        }
    }

    /** Goes on until the event with this number would be next. */
    void advance(int event) {
        if (event < position) {
            throw new IllegalArgumentException("it does not go back");
        }
        for (; position < event; position++) {
            Event now = events.get(position);
            switch (now.kind()) {
                case Event.WRITE, Event.ZEROS -> pending.add(new Pending(now));
                case Event.DONE -> {
                    for (Pending write : pending) {
                        if (write.write.number() == now.number()) {
                            write.done = position;
                        }
                    }
                }
                case Event.FLUSH_BEGUN -> arrivals.put(now.number(), position);
                case Event.FLUSHED -> settle(arrivals.get(now.number()), false);
                case Event.LOST -> settle(arrivals.get(now.number()), true);
                case Event.MARK -> {
                    String[] words = now.text().split(" ");
                    if (words[0].equals("RANGE")) {
                        ranges.add(new long[] {Long.parseLong(words[1]), Long.parseLong(words[2])});
                    }
                }
                default -> {
                    // changes nothing
                }
            }
        }
    }

    private void settle(int arrival, boolean lost) {
        List<Pending> left = new ArrayList<>();
        for (Pending write : pending) {
            if (write.done > arrival || (lost && !inRanges(write.write))) {
                left.add(write);
            } else if (!lost) {
                durableKey = put(durableKey, Piece.of(write.write), true);
            }
        }
        pending.clear();
        pending.addAll(left);
    }

    private boolean inRanges(Event write) {
        for (long[] range : ranges) {
            if (write.offset() < range[0] + range[1] && range[0] < write.offset() + write.length()) {
                return true;
            }
        }
        return ranges.isEmpty();
    }

    int pendingWrites() {
        return pending.size();
    }

    /** What of the writes that no flush has covered reaches the medium, in order. */
    List<Piece> pieces(int variant) {
        List<Piece> all = new ArrayList<>();
        for (Pending write : pending) {
            all.add(Piece.of(write.write));
        }
        if (variant == 0 || all.isEmpty()) {
            return all;
        }
        if (variant == 1) {
            return List.of();
        }
        SplittableRandom draw = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + position * 0x10001L + variant);
        int count = all.size();
        return switch (draw.nextInt(9)) {
            case 0 -> all.subList(0, draw.nextInt(count + 1));
            case 1 -> all.subList(Math.max(0, count - 1 - draw.nextInt(3)), count);
            case 2 -> {
                all.remove(draw.nextInt(count));
                yield all;
            }
            case 3, 4 -> {
                double share = new double[] {0.1, 0.3, 0.5, 0.7, 0.9, 0.97}[draw.nextInt(6)];
                all.removeIf(piece -> draw.nextDouble() >= share);
                yield all;
            }
            case 5 -> {
                // late ones are there, of the early ones only some
                int border = draw.nextInt(count);
                List<Piece> late = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    if (i >= border || draw.nextDouble() < 0.3) {
                        late.add(all.get(i));
                    }
                }
                yield late;
            }
            case 6, 7 -> {
                List<Piece> torn = new ArrayList<>(all.subList(0, count - 1));
                tear(all.get(count - 1), draw, torn);
                yield torn;
            }
            default -> {
                List<Piece> torn = new ArrayList<>();
                for (Piece piece : all) {
                    tear(piece, draw, torn);
                }
                yield torn;
            }
        };
    }

    private void tear(Piece piece, SplittableRandom draw, List<Piece> to) {
        double share = new double[] {0.2, 0.5, 0.8}[draw.nextInt(3)];
        // large ones, of zeros, in coarser parts: what is there of them does not get more interesting
        int unit = Math.max(tear, piece.length() / 256 / tear * tear);
        for (int at = 0; at < piece.length(); at += unit) {
            if (draw.nextDouble() < share) {
                to.add(piece.part(at, unit));
            }
        }
    }

    /** Names the image that these make of the disk: the same for the same bytes. */
    long key(List<Piece> pieces) {
        // a later write to a sector hides an earlier one
        Map<Long, Long> changes = new HashMap<>();
        for (Piece piece : pieces) {
            for (int at = 0; at < piece.length(); at += SECTOR) {
                long offset = piece.offset() + at;
                changes.put(offset, change(offset, bytes(piece), index(piece, at)));
            }
        }
        long key = durableKey;
        for (long change : changes.values()) {
            key ^= change;
        }
        return key;
    }

    private long put(long key, Piece piece, boolean write) {
        long changed = key;
        for (int at = 0; at < piece.length(); at += SECTOR) {
            long offset = piece.offset() + at;
            long change = change(offset, bytes(piece), index(piece, at));
            if (change != 0) {
                changed ^= change;
                if (write) {
                    durable.setSector(offset, bytes(piece), index(piece, at));
                }
            }
        }
        return changed;
    }

    private static byte[] bytes(Piece piece) {
        return piece.bytes() == null ? ZERO_SECTOR : piece.bytes();
    }

    private static int index(Piece piece, int at) {
        return piece.bytes() == null ? 0 : piece.from() + at;
    }

    /** By what the key changes when a sector becomes this; 0 if it is this. */
    private long change(long offset, byte[] bytes, int at) {
        byte[] old = durable.at(offset);
        int index = SparseDisk.index(offset);
        if (java.util.Arrays.equals(old, index, index + SECTOR, bytes, at, at + SECTOR)) {
            return 0;
        }
        return digest(offset, old, index) ^ digest(offset, bytes, at);
    }

    private static long digest(long offset, byte[] bytes, int at) {
        long hash = offset * 0x9E3779B97F4A7C15L + 1;
        for (int i = 0; i < SECTOR; i += Long.BYTES) {
            hash = (hash ^ (long) LONGS.get(bytes, at + i)) * 0xBF58476D1CE4E5B9L;
            hash ^= hash >>> 29;
        }
        return hash * 0x94D049BB133111EBL ^ hash >>> 32;
    }

    /** Makes a file the disk that these leave. */
    void store(List<Piece> pieces, Path file) throws IOException {
        durable.store(file);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            for (Piece piece : pieces) {
                byte[] bytes = piece.bytes() == null ? new byte[piece.length()] : piece.bytes();
                java.nio.ByteBuffer from =
                        java.nio.ByteBuffer.wrap(bytes, piece.bytes() == null ? 0 : piece.from(), piece.length());
                long start = piece.offset() - from.position();
                while (from.hasRemaining()) {
                    channel.write(from, start + from.position());
                }
            }
        }
    }
}
