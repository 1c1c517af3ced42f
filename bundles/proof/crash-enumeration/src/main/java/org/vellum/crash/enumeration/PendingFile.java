// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * One file of a {@link MediumState}: what is durable of it, and what is on its way.
 *
 * <p>Bytes on their way are cut into pieces of at most one atom, in lists by unit, in program order. A piece reaches the
 * medium before any later one of its atom, and independently of all others. The durable part never holds a piece without
 * the earlier ones of the same atom.
 *
 * <p>Shrinking is a change of the size and zeros for what is cut off, in one: a piece written behind it cannot be there
 * before it, since it lies in new blocks. So the size decides which pieces are possible ({@link #shrinksAt}).
 */
final class PendingFile {
    /** Bytes of one atom that one event wrote. */
    static final class Piece {
        final long atom;
        final long offset;
        final byte[] bytes;
        final int from;
        final int length;
        /** The event's number: pieces of one event are one step of their unit. */
        final int event;
        /** 0, or which shrinking of the file cut off what was here. */
        final int shrink;
        /** Durable with the next fence of one of these threads: bit t for thread t. */
        long draining;
        /** A sync of it failed: no later one means it, unless the same unit is written again. */
        boolean forgotten;

        Piece(long atom, long offset, byte[] bytes, int from, int length, int event, int shrink) {
            this.atom = atom;
            this.offset = offset;
            this.bytes = bytes;
            this.from = from;
            this.length = length;
            this.event = event;
            this.shrink = shrink;
        }

        private Piece copy() {
            Piece copy = new Piece(atom, offset, bytes, from, length, event, shrink);
            copy.draining = draining;
            copy.forgotten = forgotten;
            return copy;
        }
    }

    /** A size on its way. */
    record Size(long bytes, int event, int shrinks) {}

    final int number;
    final MediumKind kind;
    final TreeMap<Long, List<Piece>> units = new TreeMap<>();
    final List<Size> sizes = new ArrayList<>();

    private FileContent durable;
    /** What a crash leaves if nothing more reaches the medium; null: to be made anew. */
    private FileContent atLeast;

    private int durableShrinks;
    private long size;
    private int shrinks;

    PendingFile(FileContent durable) {
        number = durable.file();
        kind = durable.kind();
        this.durable = durable;
        size = durable.size();
    }

    PendingFile copy() {
        PendingFile copy = new PendingFile(durable);
        units.forEach((unit, pieces) -> copy.units.put(
                unit, new ArrayList<>(pieces.stream().map(Piece::copy).toList())));
        copy.sizes.addAll(sizes);
        copy.durableShrinks = durableShrinks;
        copy.size = size;
        copy.shrinks = shrinks;
        return copy;
    }

    // ---- what events do ----

    /** @param draining the thread whose fence makes it durable, as a bit, or 0 */
    void write(long offset, byte[] bytes, int event, long draining) {
        add(offset, bytes, event, 0, draining);
        grow(offset + bytes.length, event);
    }

    private void add(long offset, byte[] bytes, int event, int shrink, long draining) {
        for (int done = 0; done < bytes.length; ) {
            long at = offset + done;
            int count = (int) Math.min(bytes.length - done, kind.atom() - at % kind.atom());
            Piece piece = new Piece(at / kind.atom(), at, bytes, done, count, event, shrink);
            piece.draining = draining;
            List<Piece> earlier = units.get(at / kind.unit());
            if (earlier != null || !isDurable(piece)) {
                units.computeIfAbsent(at / kind.unit(), unit -> new ArrayList<>())
                        .add(piece);
            }
            done += count;
        }
    }

    /** Whether it is all the same if the piece reaches the medium, for it says what is there. */
    private boolean isDurable(Piece piece) {
        Page page = durable.pages().get(piece.offset / Page.SIZE);
        byte[] there = page == null ? FileContent.ZEROS : page.bytes;
        int at = (int) (piece.offset % Page.SIZE);
        return Arrays.equals(there, at, at + piece.length, piece.bytes, piece.from, piece.from + piece.length);
    }

    /** The medium loses what was there, whatever is on its way. */
    void damage(long offset, byte[] bytes) {
        Map<Long, byte[]> pages = new HashMap<>();
        FileContent.patch(durable.pages(), pages, offset, bytes, 0, bytes.length);
        replaceDurable(pages);
    }

    void grow(long to, int event) {
        if (to > size) {
            size = to;
            sizes.add(new Size(to, event, shrinks));
        }
    }

    void truncate(long to, int event) {
        if (to >= size) {
            grow(to, event);
            return;
        }
        shrinks++;
        sizes.add(new Size(to, event, shrinks));
        // whole units: the pages that hold anything durable, and what is on its way
        TreeMap<Long, Boolean> cutOff = new TreeMap<>();
        long firstUnit = to / kind.unit();
        for (long page : durable.pages().keySet()) {
            long unitsInPage = Page.SIZE / kind.unit();
            for (long unit = page * unitsInPage; unit < (page + 1) * unitsInPage; unit++) {
                cutOff.put(unit, true);
            }
        }
        units.keySet().forEach(unit -> cutOff.put(unit, true));
        for (long unit : cutOff.tailMap(firstUnit, true).keySet()) {
            long begin = Math.max(to, unit * kind.unit());
            add(begin, new byte[(int) ((unit + 1) * kind.unit() - begin)], event, shrinks, 0);
        }
        size = to;
    }

    void writeBack(long offset, long length, long thread) {
        long first = offset / kind.unit();
        long last = (offset + length - 1) / kind.unit();
        units.subMap(first, true, last, true)
                .values()
                .forEach(pieces -> pieces.forEach(piece -> piece.draining |= thread));
    }

    void fence(long thread) {
        drain(pieces -> {
            // in an atom nothing overtakes: what drains takes the earlier pieces along
            Map<Long, Integer> until = new HashMap<>();
            for (int i = 0; i < pieces.size(); i++) {
                if ((pieces.get(i).draining & thread) != 0) {
                    until.put(pieces.get(i).atom, i);
                }
            }
            List<Piece> drained = new ArrayList<>();
            for (int i = 0; i < pieces.size(); i++) {
                if (i <= until.getOrDefault(pieces.get(i).atom, -1)) {
                    drained.add(pieces.get(i));
                }
            }
            return drained;
        });
    }

    /** The threads are gone, and whatever fences now fences theirs: to leave a processor is a fence in itself. */
    void abandon() {
        units.values().forEach(pieces -> pieces.forEach(piece -> piece.draining = piece.draining == 0 ? 0 : -1));
    }

    void syncData() {
        drain(pieces -> {
            int count = pieces.size();
            while (count > 0 && pieces.get(count - 1).forgotten) {
                count--;
            }
            return List.copyOf(pieces.subList(0, count));
        });
        if (!sizes.isEmpty()) {
            Size last = sizes.get(sizes.size() - 1);
            durable = FileContent.of(number, kind, last.bytes(), durable.pages(), Map.of());
            durableShrinks = last.shrinks();
            sizes.clear();
            atLeast = null;
        }
    }

    void syncDataFailed() {
        units.values().forEach(pieces -> pieces.forEach(piece -> piece.forgotten |= piece.shrink == 0));
    }

    private interface Drained {
        /** Of one unit's pieces those that are durable now, in order. */
        List<Piece> of(List<Piece> pieces);
    }

    private void drain(Drained which) {
        Map<Long, byte[]> pages = new HashMap<>();
        units.values().removeIf(pieces -> {
            List<Piece> drained = which.of(pieces);
            drained.forEach(piece -> patch(pages, piece));
            pieces.removeAll(drained);
            return pieces.isEmpty();
        });
        if (!pages.isEmpty()) {
            replaceDurable(pages);
        }
    }

    private void replaceDurable(Map<Long, byte[]> pages) {
        Map<Long, Page> all = new HashMap<>(durable.pages());
        pages.forEach((page, bytes) -> all.put(page, new Page(bytes)));
        // bytes behind the durable end stay: the size that reaches them may be on its way
        durable = new FileContent(number, kind, durable.size(), all);
        atLeast = null;
    }

    void patch(Map<Long, byte[]> pages, Piece piece) {
        FileContent.patch(durable.pages(), pages, piece.offset, piece.bytes, piece.from, piece.length);
    }

    // ---- what a crash may leave ----

    /** The size with the first so many of {@link #sizes}. */
    long sizeAt(int version) {
        return version == 0 ? durable.size() : sizes.get(version - 1).bytes();
    }

    /** How often the file had shrunk then. */
    int shrinksAt(int version) {
        return version == 0 ? durableShrinks : sizes.get(version - 1).shrinks();
    }

    FileContent content(int sizeVersion, Map<Long, byte[]> pages) {
        if (sizeVersion > 0 || !pages.isEmpty()) {
            return FileContent.of(number, kind, sizeAt(sizeVersion), durable.pages(), pages);
        }
        if (atLeast == null) {
            atLeast = FileContent.of(number, kind, durable.size(), durable.pages(), pages);
        }
        return atLeast;
    }
}
