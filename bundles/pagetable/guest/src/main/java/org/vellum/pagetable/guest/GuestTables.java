// SPDX-License-Identifier: Apache-2.0
package org.vellum.pagetable.guest;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PageTableEntry;
import org.vellum.api.provider.PageTableEntry.Flag;

/** Makes sense of what the processor would read. Safe for use by many threads. */
final class GuestTables {
    /** Bits of an entry, as in {@code native/include/vellum/guest.h}. */
    private static final long PRESENT = 1L << 0;

    private static final long WRITABLE = 1L << 1;
    private static final long USER = 1L << 2;
    private static final long ACCESSED = 1L << 5;
    private static final long DIRTY = 1L << 6;
    private static final long LARGE = 1L << 7;
    private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

    /** Reads the walk of an address. */
    @FunctionalInterface
    interface Reader {
        /**
         * @param entries receives the entries, the top level's first
         * @return how many were read, the last of which is a leaf or not present; 0: there are no tables now
         */
        int read(long address, long[] entries);
    }

    private final Reader reader;

    GuestTables(Reader reader) {
        this.reader = reader;
    }

    /** As {@link PageTable#levels}. */
    List<PageTableEntry> levels(long address) {
        PageTable.requireInUserSpace(address, 1);
        long[] entries = new long[PageTableEntry.LEVELS];
        int count = reader.read(address, entries);
        List<PageTableEntry> levels = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            levels.add(decode(address, PageTableEntry.LEVELS - i, entries[i]));
        }
        return List.copyOf(levels);
    }

    /** As {@link PageTable#walk}. An entry that is not present is stepped over with all that it would translate. */
    void walk(long address, long length, PageTable.Visitor visitor) {
        PageTable.requireInUserSpace(address, length);
        long end = address + length;
        for (long at = address; at < end; ) {
            List<PageTableEntry> levels = levels(at);
            if (levels.isEmpty()) {
                return;
            }
            PageTableEntry last = levels.get(levels.size() - 1);
            if (last.has(Flag.PRESENT) && !visitor.visit(last)) {
                return;
            }
            at = last.address() + last.span();
        }
    }

    private static PageTableEntry decode(long address, int level, long raw) {
        Set<Flag> flags = EnumSet.noneOf(Flag.class);
        add(flags, raw, PRESENT, Flag.PRESENT);
        add(flags, raw, WRITABLE, Flag.WRITABLE);
        add(flags, raw, USER, Flag.USER);
        add(flags, raw, ACCESSED, Flag.ACCESSED);
        boolean large = (level == 2 || level == 3) && (raw & LARGE) != 0; // at level 1 the bit is another (PAT)
        if (large) {
            flags.add(Flag.LARGE);
        }
        if (large || level == 1) {
            add(flags, raw, DIRTY, Flag.DIRTY);
        }
        long span = PageTableEntry.span(level);
        // a large leaf's address is aligned to what it maps; the bits below mean something else
        long target = (raw & PRESENT) == 0 ? 0 : raw & ADDRESS & (large ? -span : -1L);
        return new PageTableEntry(address & -span, level, flags, target, raw);
    }

    private static void add(Set<Flag> flags, long raw, long bit, Flag flag) {
        if ((raw & bit) != 0) {
            flags.add(flag);
        }
    }
}
