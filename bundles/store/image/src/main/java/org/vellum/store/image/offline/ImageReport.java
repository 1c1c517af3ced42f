// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.offline;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * What an offline check found of an image.
 *
 * @param image the home image's file
 * @param findings part by part, in the order of the file
 * @param intactEpoch the last epoch that is intact as a whole, which a repair would bring back; empty: there is none
 * @param damagedPages pages of that epoch whose content is not what was committed, in order
 * @param elsewhere the region went to another place, or has not come here; a repair makes a region of what is here
 */
public record ImageReport(
        Path image, List<Finding> findings, OptionalLong intactEpoch, List<Long> damagedPages, boolean elsewhere) {
    /** How a part is. */
    public enum Verdict {
        /** As it should be. */
        INTACT,
        /** A crash, or somebody, left a trace that harms nothing. */
        NOTE,
        /** Not what was written there. */
        DAMAGED
    }

    /**
     * One part of an image.
     *
     * @param part a few words
     * @param text what it holds; of a damaged one file, offset, what was found and what was expected
     */
    public record Finding(Verdict verdict, String part, String text) {}

    public ImageReport {
        findings = List.copyOf(findings);
        damagedPages = List.copyOf(damagedPages);
    }

    /** Whether anything is not what was written there. */
    public boolean damaged() {
        return findings.stream().anyMatch(finding -> finding.verdict() == Verdict.DAMAGED);
    }
}
