// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.application;

import java.util.List;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ErrorLinesTest {
    @Test
    void withoutAnyThereIsNothingToSay() {
        assertEquals("", new ErrorLines().text());
    }

    @Test
    void fewAreKeptAll() {
        ErrorLines lines = new ErrorLines();
        lines.add("a");
        lines.add("b");
        assertEquals(":\n  a\n  b", lines.text());
    }

    @Test
    void ofManyTheFirstAndTheLastAreKept() {
        ErrorLines lines = new ErrorLines();
        for (int i = 0; i < 1000; i++) {
            lines.add("line " + i);
        }
        List<String> kept = lines.text().lines().toList();
        assertEquals(":", kept.get(0));
        assertEquals("  line 0", kept.get(1));
        assertEquals("  line 999", kept.get(kept.size() - 1));
        assertTrue(kept.contains("  ... 980 lines ..."), lines.text());
    }
}
