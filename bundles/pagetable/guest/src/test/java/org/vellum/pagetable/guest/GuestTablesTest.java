// SPDX-License-Identifier: Apache-2.0
package org.vellum.pagetable.guest;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PageTableEntry;
import org.vellum.api.provider.PageTableEntry.Flag;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tables made by hand, and read as the processor reads them. */
class GuestTablesTest {
    private static final long TABLE = 0b0010_0111; // P W U A
    private static final long CLOSED = 0b0010_0101; // P U A
    private static final long OPEN = 0b0110_0111; // P W U A D
    private static final long LARGE = OPEN | 0b1000_0000;
    private static final long PAGE = 4096;
    private static final long REGION = 0x1000_0000_0000L;

    /** Entries by level and the first address they translate. */
    private final Map<List<Long>, Long> entries = new HashMap<>();

    private boolean exist = true;
    private int reads;
    private final GuestTables tables = new GuestTables(this::read);

    private int read(long address, long[] walked) {
        reads++;
        if (!exist) {
            return 0;
        }
        for (int level = 4; level >= 1; level--) {
            long entry = entries.getOrDefault(List.of((long) level, address & -PageTableEntry.span(level)), 0L);
            walked[4 - level] = entry;
            if ((entry & 1) == 0 || level == 1 || level < 4 && (entry & 0x80) != 0) {
                return 5 - level;
            }
        }
        throw new AssertionError();
    }

    private void map(long address, int leafLevel, long leaf) {
        for (int level = 4; level > leafLevel; level--) {
            entries.put(List.of((long) level, address & -PageTableEntry.span(level)), (long) level << 12 | TABLE);
        }
        entries.put(List.of((long) leafLevel, address), leaf);
    }

    private List<Long> leaves(long address, long length) {
        List<Long> found = new ArrayList<>();
        tables.walk(address, length, leaf -> found.add(leaf.address()));
        return found;
    }

    @Test
    void theWalkOfAPageHasFourLevels() {
        map(REGION + 3 * PAGE, 1, 0x7654_3000L | CLOSED);
        List<PageTableEntry> levels = tables.levels(REGION + 3 * PAGE + 123);
        assertEquals(
                List.of(4, 3, 2, 1), levels.stream().map(PageTableEntry::level).toList());
        assertEquals(
                List.of(32, 0, 0, 3), levels.stream().map(PageTableEntry::index).toList());
        assertEquals(0x4000, levels.get(0).target());
        assertEquals(
                EnumSet.of(Flag.PRESENT, Flag.WRITABLE, Flag.USER, Flag.ACCESSED),
                levels.get(2).flags());
        PageTableEntry leaf = levels.get(3);
        assertEquals(REGION + 3 * PAGE, leaf.address());
        assertEquals(0x7654_3000, leaf.target());
        assertEquals(EnumSet.of(Flag.PRESENT, Flag.USER, Flag.ACCESSED), leaf.flags());
        assertEquals(0x7654_3000L | CLOSED, leaf.raw());
        assertTrue(leaf.isLeaf());
    }

    @Test
    void theWalkEndsAtALargeLeafWhoseAddressIsAlignedToIt() {
        long address = 0x7f12_3460_0000L;
        map(address, 2, 0x4020_1000L | LARGE); // bit 12 is PAT there, not part of the address
        List<PageTableEntry> levels = tables.levels(address + 0x12_3456);
        assertEquals(3, levels.size());
        assertTrue(levels.get(2).isLeaf()
                && levels.get(2).has(Flag.LARGE)
                && levels.get(2).has(Flag.DIRTY));
        assertEquals(0x4020_0000, levels.get(2).target());
        assertEquals(2 << 20, levels.get(2).span());
    }

    @Test
    void bitSevenOfAPageIsNoSize() {
        map(REGION, 1, LARGE);
        assertFalse(tables.levels(REGION).get(3).has(Flag.LARGE));
    }

    @Test
    void theWalkEndsWhereNothingIsPresent() {
        List<PageTableEntry> levels = tables.levels(REGION);
        assertEquals(1, levels.size());
        assertFalse(levels.get(0).has(Flag.PRESENT));
        assertEquals(1L << 39, levels.get(0).span());
    }

    @Test
    void withoutTablesThereIsNothingToShow() {
        exist = false;
        assertEquals(List.of(), tables.levels(REGION));
        assertEquals(List.of(), leaves(0, PageTable.ADDRESS_END));
    }

    @Test
    void aRangeShowsItsPresentLeavesOfEverySizeInTheOrderOfAddresses() {
        map(REGION, 1, OPEN);
        map(REGION + 2 * PAGE, 1, CLOSED);
        map(REGION + (1L << 30), 3, LARGE);
        map(REGION + (3L << 30) + (2L << 20), 2, LARGE);
        assertEquals(
                List.of(REGION, REGION + 2 * PAGE, REGION + (1L << 30), REGION + (3L << 30) + (2L << 20)),
                leaves(REGION, 4L << 30));
        assertEquals(List.of(REGION + 2 * PAGE), leaves(REGION + PAGE, 2 * PAGE));
        assertEquals(List.of(REGION + (1L << 30)), leaves(REGION + (1L << 30) + 12345, 1), "a leaf that begins before");
        assertEquals(List.of(), leaves(REGION, 0));
    }

    @Test
    void whatIsNotPresentIsSteppedOverAsAWhole() {
        map(PageTable.ADDRESS_END - PAGE, 1, OPEN);
        assertEquals(List.of(PageTable.ADDRESS_END - PAGE), leaves(0, PageTable.ADDRESS_END));
        assertTrue(reads < 4 * 512, "entries read: " + reads);
    }

    @Test
    void aVisitorThatHasEnoughEndsTheWalk() {
        map(REGION, 1, OPEN);
        map(REGION + PAGE, 1, OPEN);
        List<Long> found = new ArrayList<>();
        tables.walk(REGION, 2 * PAGE, leaf -> {
            found.add(leaf.address());
            return false;
        });
        assertEquals(List.of(REGION), found);
    }

    @Test
    void addressesOutsideUserSpaceAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> tables.levels(-1));
        assertThrows(IllegalArgumentException.class, () -> tables.levels(PageTable.ADDRESS_END));
        assertThrows(IllegalArgumentException.class, () -> tables.walk(1, PageTable.ADDRESS_END, leaf -> true));
    }
}
