// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.console;

import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * Standard output, as a terminal or as a pipe. Safe for use by many threads: lines and the progress bar never mix.
 *
 * <p>On a terminal it has colour (unless {@code NO_COLOR} is set, see no-color.org) and a {@link Progress} bar that
 * stays at the bottom; on a pipe, or on {@code TERM=dumb}, it is plain lines.
 */
public final class Console {
    /** Colours by meaning, so that commands look alike. */
    public enum Style {
        HEADING("1"),
        GOOD("32"),
        BAD("31;1"),
        WARNING("33"),
        FAINT("2");

        private final String parameters;

        Style(String parameters) {
            this.parameters = parameters;
        }
    }

    private static final String ESCAPE = "\u001b[";
    private static final String ERASE_LINE = "\r" + ESCAPE + "K";
    private static final int DEFAULT_WIDTH = 80;
    private static final int NARROWEST = 20;

    private final PrintStream out;
    private final boolean terminal;
    private final boolean colour;
    private final int width;
    private String bar = "";

    /**
     * @param out where lines go; flushed after each
     * @param terminal whether {@code out} is a terminal that understands cursor movement
     * @param colour whether to use colour
     * @param width columns of the terminal
     */
    public Console(PrintStream out, boolean terminal, boolean colour, int width) {
        this.out = out;
        this.terminal = terminal;
        this.colour = colour;
        this.width = Math.max(NARROWEST, width);
    }

    /** Standard output of this process. */
    public static Console standardOutput() {
        return of(System.out, isTerminal(1), System.getenv());
    }

    /** Applies {@code TERM}, {@code NO_COLOR} and {@code COLUMNS}. */
    public static Console of(PrintStream out, boolean device, Map<String, String> environment) {
        boolean terminal = device && !environment.getOrDefault("TERM", "dumb").equals("dumb");
        boolean colour = terminal && environment.getOrDefault("NO_COLOR", "").isEmpty();
        return new Console(out, terminal, colour, columns(environment.get("COLUMNS")));
    }

    /** Asks the kernel what the descriptor is; System.console() means something else on each JDK since 22. */
    public static boolean isTerminal(int fileDescriptor) {
        try {
            String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + fileDescriptor))
                    .toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") || target.equals("/dev/console");
        } catch (java.io.IOException e) {
            // a closed descriptor is no terminal
            return false;
        }
    }

    /** Whether the descriptor is a pipe or a socket, at whose other end somebody may have stopped reading. */
    public static boolean isPipe(int fileDescriptor) {
        try {
            String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + fileDescriptor))
                    .toString();
            return target.startsWith("pipe:") || target.startsWith("socket:");
        } catch (java.io.IOException e) {
            return false;
        }
    }

    private static int columns(String text) {
        if (text == null || !text.matches("[1-9][0-9]{0,4}")) {
            return DEFAULT_WIDTH;
        }
        return Integer.parseInt(text);
    }

    public boolean isTerminal() {
        return terminal;
    }

    /** Columns of the terminal; 80 where nobody knows. */
    public int width() {
        return width;
    }

    /** The text in a style's colour, or as it is. */
    public String styled(Style style, String text) {
        return colour ? ESCAPE + style.parameters + "m" + text + ESCAPE + "0m" : text;
    }

    /** Prints a line, above the progress bar where there is one. */
    public synchronized void line(String text) {
        out.print(bar.isEmpty() ? text + "\n" : ERASE_LINE + text + "\n" + bar);
        out.flush();
    }

    /** As {@link #line(String)}, in a style. */
    public void line(Style style, String text) {
        line(styled(style, text));
    }

    /** Starts a progress bar; at most one at a time is to be open. */
    public Progress progress(String label, long total) {
        return new Progress(this, label, total, System::nanoTime);
    }

    /** Draws {@code text}, no wider than the terminal, as the last line; empty removes it. */
    synchronized void bar(String text) {
        if (text.isEmpty() && bar.isEmpty()) {
            return;
        }
        bar = text;
        out.print(ERASE_LINE + text);
        out.flush();
    }
}
