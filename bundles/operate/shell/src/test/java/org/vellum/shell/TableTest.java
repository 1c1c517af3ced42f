// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class TableTest {
    @Test
    void columnsAreAsWideAsTheirWidestCell() {
        Table table = new Table().column("NAME", Table.Alignment.LEFT).column("SIZE", Table.Alignment.RIGHT);
        table.row("orders", "64 MiB").row("a", "4 KiB");
        assertEquals("""
                NAME      SIZE
                orders  64 MiB
                a        4 KiB""", table.toString());
    }

    @Test
    void noLineEndsInSpaces() {
        Table table = new Table().column("A", Table.Alignment.LEFT).column("B", Table.Alignment.LEFT);
        assertEquals("A   B\nxx\ny   long", table.row("xx", "").row("y", "long").toString());
    }

    @Test
    void withoutHeadingsThereAreRowsOnly() {
        Table table = new Table().column("", Table.Alignment.LEFT).column("", Table.Alignment.LEFT);
        assertEquals("state  open", table.row("state", "open").toString());
    }

    @Test
    void aRowHasACellForEachColumn() {
        Table table = new Table().column("A", Table.Alignment.LEFT);
        assertThrows(IllegalArgumentException.class, () -> table.row("1", "2"));
    }
}
