// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.util.List;
import java.util.Objects;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * What a bundle finds out about this host, for {@code vellum:doctor}. A service; it is registered whether or not the
 * bundle's provider works here, for the doctor is asked when it does not.
 */
@ConsumerType
public interface Diagnosis {
    /** What is examined, a few words such as {@code VMM kvm}; constant. */
    String title();

    /**
     * Examines the host, measuring rather than reading version numbers, in well under a second. Any thread, but one at
     * a time; regions may be open and in use meanwhile.
     */
    List<Finding> examine();

    /** What a finding says of its subject. */
    enum Verdict {
        /** A fact, neither good nor bad. */
        FACT,
        /** It works here. */
        WORKS,
        /** It does not work here, and something else takes its place. */
        LACKING,
        /** It does not work here, and without it no region can be opened as usual. */
        BROKEN
    }

    /**
     * One line.
     *
     * @param subject what it is about, a few words
     * @param text what was found, with its unit; where something does not work, what it misses and the way out
     */
    record Finding(Verdict verdict, String subject, String text) {
        public Finding {
            Objects.requireNonNull(verdict);
            Objects.requireNonNull(subject);
            Objects.requireNonNull(text);
        }

        public static Finding fact(String subject, String text) {
            return new Finding(Verdict.FACT, subject, text);
        }

        public static Finding works(String subject, String text) {
            return new Finding(Verdict.WORKS, subject, text);
        }

        public static Finding lacking(String subject, String text) {
            return new Finding(Verdict.LACKING, subject, text);
        }

        public static Finding broken(String subject, String text) {
            return new Finding(Verdict.BROKEN, subject, text);
        }
    }
}
