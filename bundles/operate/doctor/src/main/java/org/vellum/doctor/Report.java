// SPDX-License-Identifier: Apache-2.0
package org.vellum.doctor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.Diagnosis.Finding;
import org.vellum.api.provider.Diagnosis.Verdict;

/**
 * What all diagnoses found, by title.
 *
 * @param text lines; the last without a line end
 * @param broken whether one of them found something without which regions cannot be opened as usual
 */
record Report(String text, boolean broken) {
    private static final String INDENT = "  ";

    /** Examines. A diagnosis that fails becomes a finding, so that the others are heard. */
    static Report of(List<Diagnosis> diagnoses) {
        List<String> sections = new ArrayList<>();
        boolean broken = false;
        for (Diagnosis diagnosis : diagnoses.stream()
                .sorted(Comparator.comparing(Diagnosis::title))
                .toList()) {
            List<Finding> findings = examine(diagnosis);
            broken |= findings.stream().anyMatch(finding -> finding.verdict() == Verdict.BROKEN);
            sections.add(section(diagnosis.title(), findings));
        }
        return new Report(String.join("\n\n", sections), broken);
    }

    private static List<Finding> examine(Diagnosis diagnosis) {
        try {
            return diagnosis.examine();
        } catch (RuntimeException e) {
            return List.of(Finding.broken("examination", "failed: " + e));
        }
    }

    private static String section(String title, List<Finding> findings) {
        int verdicts =
                widest(findings.stream().map(finding -> word(finding.verdict())).toList());
        int subjects = widest(findings.stream().map(Finding::subject).toList());
        StringBuilder text = new StringBuilder(title);
        for (Finding finding : findings) {
            String verdict = verdicts == 0 ? "" : padded(word(finding.verdict()), verdicts) + INDENT;
            text.append("\n")
                    .append(INDENT)
                    .append(verdict)
                    .append(padded(finding.subject(), subjects))
                    .append(INDENT)
                    .append(finding.text());
        }
        return text.toString();
    }

    private static String word(Verdict verdict) {
        return switch (verdict) {
            case FACT -> "";
            case WORKS -> "works";
            case LACKING -> "lacks";
            case BROKEN -> "BROKEN";
        };
    }

    private static int widest(List<String> texts) {
        return texts.stream().mapToInt(String::length).max().orElse(0);
    }

    private static String padded(String text, int width) {
        return text + " ".repeat(width - text.length());
    }
}
