// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.time.Duration;
import java.util.List;

/**
 * What an enumeration found.
 *
 * @param complete false if it ended early: the time was up, or there were violations enough
 */
public record EnumerationReport(
        String subject, Figures figures, List<Violation> violations, boolean complete, Duration time) {
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(subject)
                .append(": ")
                .append(figures)
                .append(complete ? "" : ", ended early")
                .append(String.format(java.util.Locale.ROOT, ", %.1f s", time.toMillis() / 1e3));
        violations.forEach(violation -> text.append(System.lineSeparator()).append(violation));
        return text.toString();
    }
}
