package org.vellum.shell;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TableTest {
    @Test
    void columnsAreAsWideAsTheirWidestCell() {
        Table table = new Table().column("NAME", Table.Alignment.LEFT).column("SIZE", Table.Alignment.RIGHT);
        table.row("orders", "64 MiB").row("a", "4 KiB");
        assertEquals(
                """
                NAME      SIZE
                orders  64 MiB
                a        4 KiB""",
                table.toString());
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

    @ParameterizedTest
    @CsvSource({
        "0, 0 B",
        "1023, 1023 B",
        "1024, 1 KiB",
        "1536, 1.5 KiB",
        "1048575, 1 MiB",
        "67108864, 64 MiB",
        "4294967296, 4 GiB",
        "1649267441664, 1.5 TiB",
        "9223372036854775807, 8388608 TiB"
    })
    void bytesAreShownInTheLargestUnitThatFits(long bytes, String text) {
        assertEquals(text, Quantity.bytes(bytes));
    }

    @ParameterizedTest
    @CsvSource({"950, 950 ns", "12345, 12.3 µs", "4000000, 4.0 ms"})
    void timesAreShownInTheLargestUnitThatFits(long nanoseconds, String text) {
        assertEquals(text, Quantity.nanoseconds(nanoseconds));
    }
}
