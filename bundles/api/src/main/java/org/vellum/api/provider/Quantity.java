// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.util.Locale;

/** Numbers as people read them: one form for every command, and for every {@link Diagnosis}. */
public final class Quantity {
    private static final String[] UNITS = {"KiB", "MiB", "GiB", "TiB"};
    private static final int STEP = 1024;

    private Quantity() {}

    /** {@code 512 B}, {@code 64 MiB}, {@code 1.5 GiB}: one decimal, left out when it would be zero. */
    public static String bytes(long bytes) {
        if (bytes < STEP) {
            return bytes + " B";
        }
        double value = bytes;
        int unit = -1;
        // 1023.95 and above would be rounded to "1024"
        while (unit < UNITS.length - 1 && (unit < 0 || Math.round(value * 10) >= STEP * 10L)) {
            value /= STEP;
            unit++;
        }
        String text = String.format(Locale.ROOT, "%.1f", value);
        return (text.endsWith(".0") ? text.substring(0, text.length() - 2) : text) + " " + UNITS[unit];
    }

    /** {@code 950 ns}, {@code 12.3 µs}, {@code 4.0 ms}. */
    public static String nanoseconds(long nanoseconds) {
        if (nanoseconds < 1_000) {
            return nanoseconds + " ns";
        }
        return nanoseconds < 1_000_000
                ? String.format(Locale.ROOT, "%.1f µs", nanoseconds / 1e3)
                : String.format(Locale.ROOT, "%.1f ms", nanoseconds / 1e6);
    }

    /** {@code 1,234,567}. */
    public static String count(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    /** {@code 0x100000000000}. */
    public static String address(long address) {
        return "0x" + Long.toHexString(address);
    }
}
