// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.util.Arrays;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vellum.api.provider.PageTableEntry.Flag;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PageTableEntryTest {
    /** 0x1234_5678_9000, cut into its indexes by hand: 36, 209, 179, 393. */
    @ParameterizedTest
    @CsvSource({
        "4, 0x120000000000, 0x8000000000, 36",
        "3, 0x123440000000, 0x40000000, 209",
        "2, 0x123456600000, 0x200000, 179",
        "1, 0x123456789000, 0x1000, 393"
    })
    void levelAndAddressTellSpanAndIndex(int level, String address, String span, int index) {
        PageTableEntry entry = new PageTableEntry(Long.decode(address), level, Set.of(), 0, 0);
        assertEquals(Long.decode(span), entry.span());
        assertEquals(index, entry.index());
    }

    @Test
    void aLeafIsAPageOrALargeEntry() {
        assertTrue(new PageTableEntry(0, 1, Set.of(), 0, 0).isLeaf());
        assertTrue(new PageTableEntry(0, 2, Set.of(Flag.PRESENT, Flag.LARGE), 0, 0).isLeaf());
        assertFalse(new PageTableEntry(0, 2, Set.of(Flag.PRESENT), 0, 0).isLeaf());
    }

    @Test
    void thereAreFourLevels() {
        assertThrows(IllegalArgumentException.class, () -> new PageTableEntry(0, 0, Set.of(), 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new PageTableEntry(0, 5, Set.of(), 0, 0));
    }

    @Test
    void everyFlagHasALetterOfItsOwn() {
        assertEquals(
                Flag.values().length,
                Arrays.stream(Flag.values()).map(Flag::letter).distinct().count());
    }
}
