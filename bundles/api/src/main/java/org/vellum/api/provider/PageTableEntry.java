// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * One entry of a page table, as it was when it was read; the tables may have changed since.
 *
 * @param address the first virtual address that the entry translates
 * @param level 4 for an entry of the top table, 3 (a GiB), 2 (2 MiB), 1 (a page of 4 KiB)
 * @param flags what the entry says, as far as this page table shows it; unmodifiable
 * @param target physical address, as the table sees it, of the memory (a leaf's) or of the next table; 0 where the
 *     entry has none or the page table does not show it
 * @param raw the entry's 64 bits in the page table's own form
 */
public record PageTableEntry(long address, int level, Set<Flag> flags, long target, long raw) {
    /** Levels of an x86-64 table, and the number of the top one. */
    public static final int LEVELS = 4;

    private static final int PAGE_SHIFT = 12;
    private static final int INDEX_BITS = 9;

    /** What an entry can say. A page table knows some of them only: its documentation says which. */
    public enum Flag {
        /** Translates, or leads to the next table; without it nothing else but {@link #SWAPPED} counts. */
        PRESENT('P'),
        /** Stores are allowed. */
        WRITABLE('W'),
        /** Code outside the kernel may use it. */
        USER('U'),
        /** Was used since this was last cleared. */
        ACCESSED('A'),
        /** Was stored to since this was last cleared; on leaves. */
        DIRTY('D'),
        /** A leaf of level 2 or 3. */
        LARGE('L'),
        /** The content is in swap space. */
        SWAPPED('S'),
        /** The content is a file's, a memfd's or shared memory. */
        FILE('F'),
        /** Mapped by one process, once. */
        EXCLUSIVE('E'),
        /** userfaultfd protects it: the next store is noticed. */
        PROTECTED('T');

        private final char letter;

        Flag(char letter) {
            this.letter = letter;
        }

        /** A letter for tables, different for each flag. */
        public char letter() {
            return letter;
        }
    }

    public PageTableEntry {
        if (level < 1 || level > LEVELS) {
            throw new IllegalArgumentException("level " + level + " of a page table with " + LEVELS + " levels");
        }
        flags = flags.isEmpty() ? Set.of() : Collections.unmodifiableSet(EnumSet.copyOf(flags));
    }

    /** How many bytes an entry of this level translates. */
    public static long span(int level) {
        return 1L << (PAGE_SHIFT + (level - 1) * INDEX_BITS);
    }

    /** How many bytes this entry translates. */
    public long span() {
        return span(level);
    }

    /** The entry's place in its table, 0 to 511. */
    public int index() {
        return (int) (address / span()) & (1 << INDEX_BITS) - 1;
    }

    public boolean has(Flag flag) {
        return flags.contains(flag);
    }

    /** Whether it translates by itself, leads to no further table. An entry that is not present may be one or not. */
    public boolean isLeaf() {
        return level == 1 || has(Flag.LARGE);
    }
}
