// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

import java.util.ArrayList;
import java.util.List;

/** Rows of text in aligned columns, two spaces apart. Not for use by several threads. */
final class Table {
    /** Where a column's text stands. */
    enum Alignment {
        LEFT,
        RIGHT
    }

    private static final String GAP = "  ";

    private final List<Alignment> alignments = new ArrayList<>();
    private final List<List<String>> rows = new ArrayList<>();
    private final List<String> headings = new ArrayList<>();

    /** Adds a column; all columns come before the first row. */
    Table column(String heading, Alignment alignment) {
        headings.add(heading);
        alignments.add(alignment);
        return this;
    }

    /** Adds a row of one cell a column. */
    Table row(String... cells) {
        if (cells.length != headings.size()) {
            throw new IllegalArgumentException(cells.length + " cells in a table of " + headings.size() + " columns");
        }
        rows.add(List.of(cells));
        return this;
    }

    /** The lines, the last one without a line end. A table whose headings are all empty has none. */
    @Override
    public String toString() {
        List<List<String>> lines = new ArrayList<>();
        if (!headings.stream().allMatch(String::isEmpty)) {
            lines.add(headings);
        }
        lines.addAll(rows);
        int[] widths = new int[headings.size()];
        for (List<String> line : lines) {
            for (int column = 0; column < widths.length; column++) {
                widths[column] = Math.max(widths[column], line.get(column).length());
            }
        }
        return String.join("\n", lines.stream().map(line -> line(line, widths)).toList());
    }

    private String line(List<String> cells, int[] widths) {
        StringBuilder text = new StringBuilder();
        for (int column = 0; column < widths.length; column++) {
            String cell = cells.get(column);
            String padding = " ".repeat(widths[column] - cell.length());
            text.append(column == 0 ? "" : GAP)
                    .append(alignments.get(column) == Alignment.LEFT ? cell + padding : padding + cell);
        }
        return text.toString().stripTrailing();
    }
}
