// SPDX-License-Identifier: Apache-2.0
package org.vellum.verify;

import java.util.Locale;
import org.vellum.store.image.offline.ImageReport;
import org.vellum.store.image.offline.ImageReport.Finding;
import org.vellum.store.image.offline.ImageReport.Verdict;

/** An image's report as lines for people. */
final class ReportText {
    private ReportText() {}

    static String of(ImageReport report) {
        int widest = report.findings().stream()
                .mapToInt(finding -> finding.part().length())
                .max()
                .orElse(0);
        StringBuilder text = new StringBuilder(report.image().toString());
        for (Finding finding : report.findings()) {
            text.append(String.format(
                    Locale.ROOT,
                    "%n  %-7s  %-" + widest + "s  %s",
                    word(finding.verdict()),
                    finding.part(),
                    finding.text()));
        }
        return text.append(System.lineSeparator()).append(conclusion(report)).toString();
    }

    private static String word(Verdict verdict) {
        return switch (verdict) {
            case INTACT -> "ok";
            case NOTE -> "note";
            case DAMAGED -> "DAMAGED";
        };
    }

    private static String conclusion(ImageReport report) {
        if (report.intactEpoch().isEmpty()) {
            return "beyond repair: no epoch is there as a whole; bring the image back from a backup";
        }
        long epoch = report.intactEpoch().getAsLong();
        if (!report.damaged() && report.elsewhere()) {
            return "intact up to epoch " + epoch
                    + ", but the region is elsewhere; --repair makes a region of this image";
        }
        if (!report.damaged()) {
            return "intact up to epoch " + epoch;
        }
        if (report.damagedPages().isEmpty()) {
            return "damaged; epoch " + epoch + " is intact, and --repair writes it to a new image";
        }
        return "damaged; of epoch " + epoch + " all but "
                + report.damagedPages().size()
                + (report.damagedPages().size() == 1 ? " page" : " pages")
                + " is intact, and --repair --accept-damaged-pages writes it to a new image";
    }
}
