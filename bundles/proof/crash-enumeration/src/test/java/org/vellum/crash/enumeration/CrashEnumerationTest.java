// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vellum.crash.enumeration.Mutation.Fate;
import org.vellum.crash.enumeration.ToyStore.Flaw;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Stores that are right pass, and each that is wrong is caught. */
class CrashEnumerationTest {
    private static final Limits LIMITS = Limits.DEFAULT.withSubsets(8, 24, 24);

    private static EnumerationReport enumerate(Subject subject, Limits limits) {
        return new CrashEnumeration(subject).run(limits, ProgressListener.NONE);
    }

    @ParameterizedTest
    @EnumSource(MediumKind.class)
    void aStoreThatIsRightPasses(MediumKind kind) {
        EnumerationReport report = enumerate(new ToyStore(kind), LIMITS);
        assertTrue(report.violations().isEmpty(), report::toString);
        assertTrue(report.complete());
        Figures figures = report.figures();
        assertEquals(figures.events(), figures.cuts());
        assertTrue(figures.distinct() > (kind == MediumKind.BLOCK ? 60 : 1500), report::toString);
        assertTrue(figures.images() >= figures.distinct(), report::toString);
        assertTrue(figures.nestedDistinct() > 40 && figures.kills() > 5, report::toString);
    }

    /** Records of two sectors that share one of them are not in this workload. */
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "LETS_DROPPED_RECORDS_LIVE")
    void aStoreThatIsWrongOnABlockDeviceIsCaught(Flaw flaw) {
        assertFalse(enumerate(new ToyStore(MediumKind.BLOCK, flaw), LIMITS)
                .violations()
                .isEmpty());
    }

    @ParameterizedTest
    @EnumSource(Flaw.class)
    void aStoreThatIsWrongOnPersistentMemoryIsCaught(Flaw flaw) {
        assertFalse(enumerate(new ToyStore(MediumKind.BYTE_ADDRESSABLE, flaw), LIMITS)
                .violations()
                .isEmpty());
    }

    @Test
    void undoInPlacePasses() {
        EnumerationReport report = enumerate(new ToyUndoStore(false), LIMITS);
        assertTrue(report.violations().isEmpty(), report::toString);
    }

    @Test
    void aLineThatWentBackToWhatItWasMustBeWrittenBackToo() {
        EnumerationReport report = enumerate(new ToyUndoStore(true), LIMITS.withViolations(1));
        assertEquals(1, report.violations().size());
        Violation violation = report.violations().get(0);
        assertTrue(violation.sentence().contains("content is wrong"), violation::toString);
    }

    @ParameterizedTest
    @EnumSource(MediumKind.class)
    void everyMutantOfAStoreThatIsRightIsCaught(MediumKind kind) {
        assertAllCaught(new ToyStore(kind));
    }

    @Test
    void everyMutantOfUndoInPlaceIsCaught() {
        assertAllCaught(new ToyUndoStore(false));
    }

    private static void assertAllCaught(Subject subject) {
        List<String> told = new ArrayList<>();
        Mutation.Report report = Mutation.run(
                List.of(new CrashEnumeration(subject)), LIMITS.withNested(1, 1, 1), mutant -> told.add(mutant.point()));
        assertTrue(report.allCaught(), report::toString);
        assertEquals(subject.persistPoints().size(), report.mutants().size());
        assertEquals(report.mutants().stream().map(Mutation.Mutant::point).toList(), told);
    }

    /** The right store with a sync that does nothing, and with a point that nothing passes. */
    @Test
    void mutantsThatAreNotCaughtAndPointsThatAreNotReachedAreSaidToBe() {
        Subject subject = new Delegate(new ToyStore(MediumKind.BLOCK)) {
            @Override
            public List<String> persistPoints() {
                return List.of("append", "idle", "unknown");
            }

            @Override
            public void run(RecordingMedium medium) throws Exception {
                super.run(medium);
                medium.syncDirectory("/", "idle");
            }
        };
        Mutation.Report report =
                Mutation.run(List.of(new CrashEnumeration(subject)), LIMITS.withNested(1, 16, 16), mutant -> {});
        assertFalse(report.allCaught());
        assertEquals(
                List.of(Fate.CAUGHT, Fate.NOT_CAUGHT, Fate.NOT_REACHED),
                report.mutants().stream().map(Mutation.Mutant::fate).toList());
    }

    @Test
    void aViolationTellsHowToSeeItAgain() {
        Subject wrong = new ToyStore(MediumKind.BLOCK, Flaw.ACKNOWLEDGES_BEFORE_THE_FENCE);
        Limits limits = LIMITS.withSeed(42).withViolations(1);
        EnumerationReport report = enumerate(wrong, limits);
        assertFalse(report.complete());
        String text = report.violations().get(0).toString();
        assertTrue(text.contains("seed 42"), text);
        assertTrue(text.contains("the workload crashed behind event"), text);
        assertTrue(text.contains("lost: ["), text);
        assertTrue(text.contains("acknowledged epoch 1   <-- cut"), text);
        assertEquals(text, enumerate(wrong, limits).violations().get(0).toString());
    }

    @Test
    void aRecoveryThatThrowsIsAViolation() {
        Subject refuses = new Delegate(new ToyStore(MediumKind.BLOCK)) {
            @Override
            public void recover(RecordingMedium medium) {
                throw new IllegalStateException("no");
            }
        };
        EnumerationReport report = enumerate(refuses, LIMITS.withViolations(3));
        assertEquals(3, report.violations().size());
        assertEquals("no", report.violations().get(0).cause().getMessage());
    }

    @Test
    void whatARecoveryDroppedMustNotComeBack() {
        // It leaves the record of an epoch that it does not replay where the next recovery finds it.
        Subject forgetful = new Delegate(new ToyStore(MediumKind.BLOCK)) {
            private int recoveries;

            @Override
            public void recover(RecordingMedium medium) throws Exception {
                if (recoveries++ % 2 == 0
                        && medium.exists("/toy")
                        && medium.open("/toy").size() > 0) {
                    long home = java.nio.ByteBuffer.wrap(medium.open("/toy").read(0, 8))
                            .getInt();
                    if (home == 0) {
                        medium.recovered(0, new byte[96]);
                        medium.phase("dropped everything");
                        return;
                    }
                }
                super.recover(medium);
            }
        };
        assertFalse(enumerate(forgetful, LIMITS).violations().isEmpty());
    }

    @Test
    void theTimeIsKeptAndProgressTold() {
        List<Double> shares = new ArrayList<>();
        EnumerationReport report = new CrashEnumeration(new ToyStore(MediumKind.BLOCK))
                .run(
                        Limits.DEFAULT.withNested(3, 1, 1).withTime(Duration.ofMillis(300)),
                        (share, figures) -> shares.add(share));
        assertFalse(report.complete());
        assertTrue(report.time().compareTo(Duration.ofSeconds(30)) < 0, report::toString);
        assertTrue(shares.size() > 1, shares::toString);
    }

    @Test
    void aWorkloadThatFailsByItselfIsNoEnumeration() {
        Subject fails = new Delegate(new ToyStore(MediumKind.BLOCK)) {
            @Override
            public void run(RecordingMedium medium) {
                throw new IllegalStateException("broken");
            }
        };
        assertThrows(IllegalStateException.class, () -> new CrashEnumeration(fails));
        Subject idle = new Delegate(new ToyStore(MediumKind.BLOCK)) {
            @Override
            public void run(RecordingMedium medium) {}
        };
        assertThrows(IllegalStateException.class, () -> new CrashEnumeration(idle));
    }

    private abstract static class Delegate implements Subject {
        private final Subject subject;

        Delegate(Subject subject) {
            this.subject = subject;
        }

        @Override
        public String name() {
            return subject.name();
        }

        @Override
        public List<String> persistPoints() {
            return subject.persistPoints();
        }

        @Override
        public void run(RecordingMedium medium) throws Exception {
            subject.run(medium);
        }

        @Override
        public void recover(RecordingMedium medium) throws Exception {
            subject.recover(medium);
        }
    }
}
