// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.console;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ConsoleTest {
    private static final String ESCAPE = "\u001b";
    private static final String ERASE = "\r" + ESCAPE + "[K";
    private static final long SECOND = 1_000_000_000L;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    private final AtomicLong clock = new AtomicLong();

    private String written() {
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private Progress progress(Console console, long total) {
        return new Progress(console, "words", total, clock::get);
    }

    @Test
    void aTerminalHasColour() {
        Console console = Console.of(out, true, Map.of("TERM", "xterm"));
        console.line(Console.Style.GOOD, "held");
        assertEquals(ESCAPE + "[32mheld" + ESCAPE + "[0m\n", written());
    }

    @Test
    void noColorTakesColourAwayAndLeavesTheBar() {
        Console console = Console.of(out, true, Map.of("TERM", "xterm", "NO_COLOR", "1"));
        console.line(Console.Style.BAD, "lost");
        assertEquals("lost\n", written());
        assertTrue(console.isTerminal());
    }

    @Test
    void aPipeAndADumbTerminalGetPlainText() {
        for (Console console : List.of(
                Console.of(out, false, Map.of("TERM", "xterm")),
                Console.of(out, true, Map.of("TERM", "dumb")),
                Console.of(out, true, Map.of()))) {
            assertFalse(console.isTerminal());
            assertEquals("text", console.styled(Console.Style.BAD, "text"));
        }
    }

    @Test
    void theWidthIsTheEnvironmentsOrEighty() {
        assertEquals(132, Console.of(out, true, Map.of("COLUMNS", "132")).width());
        assertEquals(80, Console.of(out, true, Map.of()).width());
        assertEquals(80, Console.of(out, true, Map.of("COLUMNS", "wide")).width());
    }

    @Test
    void onAPipeProgressIsALineATenthAndNothingElse() {
        Console console = new Console(out, false, false, 80);
        try (Progress progress = progress(console, 1000)) {
            for (int done = 0; done <= 1000; done++) {
                progress.update(done, "");
            }
        }
        List<String> lines = written().lines().toList();
        assertEquals(10, lines.size(), written());
        assertEquals("words 10%", lines.get(0));
        assertEquals("words 100%", lines.get(9));
        assertFalse(written().contains(ESCAPE) || written().contains("\r"));
    }

    @Test
    void workThatGoesBackIsNotReportedTwiceOnAPipe() {
        Console console = new Console(out, false, false, 80);
        try (Progress progress = progress(console, 100)) {
            progress.update(55, "");
            progress.update(41, "after a kill");
            progress.update(60, "");
        }
        assertEquals(List.of("words 55%", "words 60%"), written().lines().toList());
    }

    @Test
    void onATerminalTheBarIsRedrawnInPlaceAndRemoved() {
        Console console = new Console(out, true, false, 60);
        try (Progress progress = progress(console, 4)) {
            progress.update(1, "file a");
            clock.set(SECOND);
            progress.update(2, "file b");
        }
        List<String> drawn = List.of(written().split(java.util.regex.Pattern.quote(ERASE)));
        assertEquals(3, drawn.size(), written());
        assertTrue(drawn.get(1).matches("words \\[#+-+\\]  25% 0:00  file a"), drawn.get(1));
        assertTrue(drawn.get(2).matches("words \\[#+-+\\]  50% 0:01  file b"), drawn.get(2));
        assertTrue(written().endsWith(ERASE));
        assertFalse(written().contains("\n"));
    }

    @Test
    void theBarIsRedrawnAtMostTenTimesASecond() {
        Console console = new Console(out, true, false, 80);
        try (Progress progress = progress(console, 1000)) {
            for (int millisecond = 0; millisecond < 1000; millisecond++) {
                clock.set(millisecond * 1_000_000L);
                progress.update(millisecond, "");
            }
        }
        long drawings = written().chars().filter(character -> character == '\r').count();
        assertEquals(10 + 1, drawings, "ten, and one that removes the bar");
    }

    @Test
    void theBarNeverFillsTheLastColumn() {
        for (int width : new int[] {20, 40, 80, 200}) {
            bytes.reset();
            Console console = new Console(out, true, false, width);
            try (Progress progress = progress(console, 2)) {
                progress.update(1, "a remark that is longer than many a terminal is wide");
                String bar = written().substring(ERASE.length());
                assertTrue(bar.length() < width, width + ": " + bar.length());
            }
        }
    }

    @Test
    void aLineIsPrintedAboveTheBar() {
        Console console = new Console(out, true, false, 80);
        try (Progress progress = progress(console, 2)) {
            progress.update(1, "");
            String bar = written().substring(ERASE.length());
            bytes.reset();
            console.line("killed");
            assertEquals(ERASE + "killed\n" + bar, written());
        }
    }
}
