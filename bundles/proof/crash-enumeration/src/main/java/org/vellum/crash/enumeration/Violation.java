// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A crash that leaves what must not be, with all that it takes to see it again: run the same subject with the same
 * limits, or apply the events and make the choice by hand.
 *
 * @param subject its name
 * @param seed of the limits
 * @param omitted the persist point that was left out, or null
 * @param crashes from the workload's inwards: one, or more if recoveries crashed
 * @param sentence what is wrong
 * @param cause what the recovery threw, or null
 * @param image what the last crash left
 */
public record Violation(
        String subject,
        long seed,
        String omitted,
        List<Crash> crashes,
        String sentence,
        Throwable cause,
        CrashImage image) {
    /** How many events before and behind a cut are shown. */
    private static final int AROUND = 8;

    /**
     * One crash.
     *
     * @param events what was going on, the workload or a recovery
     * @param cut how many of them had happened
     * @param choice which of what was on its way reached the medium
     */
    public record Crash(List<Event> events, int cut, String choice) {
        private void describe(String what, List<String> lines) {
            lines.add(what + " crashed behind event " + cut + " of " + events.size() + "; " + choice);
            for (int i = Math.max(0, cut - AROUND); i < Math.min(events.size(), cut + AROUND); i++) {
                lines.add(String.format(
                        Locale.ROOT, "    %4d  %s%s", i + 1, events.get(i), i == cut - 1 ? "   <-- cut" : ""));
            }
        }
    }

    @Override
    public String toString() {
        List<String> lines = new ArrayList<>();
        lines.add(subject + ", seed " + seed + (omitted == null ? "" : ", without " + omitted) + ": " + sentence);
        for (int i = 0; i < crashes.size(); i++) {
            crashes.get(i).describe(i == 0 ? "the workload" : "recovery " + i, lines);
        }
        lines.add("left: " + image);
        if (cause != null) {
            lines.add("thrown: " + cause);
        }
        return String.join(System.lineSeparator(), lines);
    }
}
