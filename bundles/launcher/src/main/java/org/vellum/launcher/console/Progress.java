// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.console;

import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * How far a piece of work has come: a bar on a terminal, redrawn at most ten times a second; on a pipe a plain line at
 * every tenth of the way. Safe for use by many threads. Close it when the work is over, done or not.
 */
public final class Progress implements AutoCloseable {
    private static final long REDRAW_NANOSECONDS = Duration.ofMillis(100).toNanos();
    private static final int LINES = 10;
    private static final int LONGEST_BAR = 40;
    private static final int SHORTEST_BAR = 5;

    private final Console console;
    private final String label;
    private final long total;
    private final LongSupplier nanoTime;
    private final long started;
    private long done;
    private String note = "";
    private long drawn;
    private int tenths;
    private boolean closed;

    /**
     * @param total what {@link #update} counts up to; at least 1
     * @param nanoTime a monotonic clock, in nanoseconds
     */
    Progress(Console console, String label, long total, LongSupplier nanoTime) {
        if (total < 1) {
            throw new IllegalArgumentException("total " + total + ": must be at least 1");
        }
        this.console = console;
        this.label = label;
        this.total = total;
        this.nanoTime = nanoTime;
        this.started = nanoTime.getAsLong();
        this.drawn = started - REDRAW_NANOSECONDS;
    }

    /**
     * Reports the state.
     *
     * @param amount done so far, clipped to 0..total; may go back, as work does that a crash undid
     * @param remark a few words shown behind the figures; may be empty
     */
    public synchronized void update(long amount, String remark) {
        if (closed) {
            return;
        }
        done = Math.max(0, Math.min(total, amount));
        note = remark;
        if (console.isTerminal()) {
            long now = nanoTime.getAsLong();
            if (now - drawn >= REDRAW_NANOSECONDS) {
                drawn = now;
                console.bar(bar());
            }
        } else if (tenth() > tenths) {
            tenths = tenth();
            console.line(plain());
        }
    }

    /** Removes the bar from the terminal. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            console.bar("");
        }
    }

    private int tenth() {
        return (int) (fraction() * LINES);
    }

    private double fraction() {
        return (double) done / total;
    }

    private String percent() {
        return String.format(Locale.ROOT, "%3d%%", (int) (fraction() * 100));
    }

    private String plain() {
        return label + " " + percent().strip() + (note.isEmpty() ? "" : "  " + note);
    }

    private String bar() {
        String tail = " " + percent() + " " + elapsed() + (note.isEmpty() ? "" : "  " + note);
        // one column stays free: a line that fills the last one wraps on some terminals
        int room = console.width() - 1 - label.length() - " []".length() - tail.length();
        int length = Math.max(SHORTEST_BAR, Math.min(LONGEST_BAR, room));
        int filled = (int) (fraction() * length);
        String text = label + " [" + "#".repeat(filled) + "-".repeat(length - filled) + "]" + tail;
        return text.length() < console.width() ? text : text.substring(0, console.width() - 1);
    }

    private String elapsed() {
        long seconds = Duration.ofNanos(nanoTime.getAsLong() - started).toSeconds();
        return String.format(Locale.ROOT, "%d:%02d", seconds / 60, seconds % 60);
    }
}
