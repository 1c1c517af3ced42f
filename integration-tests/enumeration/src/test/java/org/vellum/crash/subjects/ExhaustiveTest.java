// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.vellum.crash.enumeration.CrashEnumeration;
import org.vellum.crash.enumeration.CrashImage;
import org.vellum.crash.enumeration.Event;
import org.vellum.crash.enumeration.Limits;
import org.vellum.crash.enumeration.MediumFile;
import org.vellum.crash.enumeration.ProgressListener;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.crash.enumeration.Subject;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The short version of {@code ./vellum crashtest --exhaustive}: fewer subsets, fewer crashes of recoveries, all mutants. */
class ExhaustiveTest {
    private static final Limits SHORT =
            Limits.DEFAULT.withSubsets(6, 4, 4).withNested(1, 64, 16).withTime(Duration.ofSeconds(75));
    private static final Duration MUTANT_TIME = Duration.ofSeconds(6);

    @Test
    void noImageIsWrongAndEveryMutantIsCaught() {
        List<String> reports = new ArrayList<>();
        Exhaustive exhaustive = new Exhaustive(SHORT, MUTANT_TIME, new Exhaustive.Listener() {
            @Override
            public void progress(double share, String note) {
                assertTrue(share >= 0 && share <= 1, note);
            }

            @Override
            public void report(String lines) {
                reports.add(lines);
                System.out.println(lines);
            }
        });
        assertTrue(exhaustive.run(), () -> String.join("\n", reports));
        assertTrue(exhaustive.figures().distinct() > 10_000, () -> String.join("\n", reports));
    }

    /** Else neither a seed nor a violation's choice would mean anything. */
    @Test
    void aWorkloadDoesTheSameEachTime() {
        for (Workload workload : List.of(Workload.TRIM, Workload.FAILED_TRIM)) {
            ImageSubject subject = new ImageSubject(Layer.FILES, workload);
            assertEquals(shape(new CrashEnumeration(subject)), shape(new CrashEnumeration(subject)));
        }
    }

    /** Without bytes: an image's identity is drawn by chance, and in every checksum. */
    private static List<String> shape(CrashEnumeration enumeration) {
        return enumeration.workload().stream()
                .map(event -> event.toString().replaceFirst(" (hash )?[0-9a-f]+$", ""))
                .toList();
    }

    /** What a trim does lies before, between and behind what the commit does that caused it. */
    @Test
    void trimsAreInterleavedWithCommits() {
        List<String> events = new CrashEnumeration(new ImageSubject(Layer.FILES, Workload.TRIM))
                .workload().stream().map(Event::toString).toList();
        int between = 0;
        int batch = -1;
        for (int i = 0; i < events.size(); i++) {
            if (events.get(i).startsWith("begun")) {
                batch = i;
            } else if (events.get(i).contains("(HOME_PAGES)") && batch >= 0) {
                between++;
            } else if (events.get(i).startsWith("acknowledged")) {
                batch = -1;
            }
        }
        assertTrue(between >= 3, () -> String.join("\n", events));
    }

    /** The oracle sees a committed view that misses one word of the epoch it claims. */
    @Test
    void aWrongRecoveryIsSeen() {
        ImageSubject right = new ImageSubject(Layer.FILES, Workload.COMMITS);
        CrashEnumeration enumeration = new CrashEnumeration(new ImageSubjectWithFault(right));
        assertFalse(enumeration
                .run(SHORT.withViolations(1), ProgressListener.NONE)
                .violations()
                .isEmpty());
    }

    private record ImageSubjectWithFault(ImageSubject right) implements Subject {
        @Override
        public String name() {
            return right.name();
        }

        @Override
        public List<String> persistPoints() {
            return right.persistPoints();
        }

        @Override
        public void run(RecordingMedium medium) throws Exception {
            right.run(medium);
        }

        /** A log of which nothing is replayed. */
        @Override
        public void recover(RecordingMedium medium) throws Exception {
            for (String path : medium.paths()) {
                if (path.contains("-log")) {
                    MediumFile log = medium.open(path);
                    log.write(0, new byte[(int) log.size()]);
                }
            }
            right.recover(medium);
        }
    }

    @Test
    void theOldImageIsOneOfVersionOne() {
        CrashImage image = VersionOneImage.on(Layer.FILES.kind());
        assertEquals(3, image.paths().size());
        assertEquals(1, image.read("/regions/orders.vellum", 8, 4)[0]);
    }
}
