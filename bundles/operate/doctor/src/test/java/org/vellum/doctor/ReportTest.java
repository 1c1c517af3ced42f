// SPDX-License-Identifier: Apache-2.0
package org.vellum.doctor;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.Diagnosis.Finding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ReportTest {
    private static Diagnosis diagnosis(String title, Finding... findings) {
        return new Diagnosis() {
            @Override
            public String title() {
                return title;
            }

            @Override
            public List<Finding> examine() {
                return List.of(findings);
            }
        };
    }

    @Test
    void sectionsAreInTheOrderOfTheirTitlesAndTheirColumnsAligned() {
        Report report = Report.of(List.of(
                diagnosis(
                        "VMM kvm",
                        Finding.works("guest mode", "this process can run guest code"),
                        Finding.fact("exit", "45 µs"),
                        Finding.lacking("1 GiB pages", "the processor has none")),
                diagnosis("Host", Finding.fact("kernel", "Linux 6.18"), Finding.fact("JVM", "17"))));
        assertEquals("""
                Host
                  kernel  Linux 6.18
                  JVM     17

                VMM kvm
                  works  guest mode   this process can run guest code
                         exit         45 µs
                  lacks  1 GiB pages  the processor has none""", report.text());
        assertFalse(report.broken());
    }

    @Test
    void aDiagnosisThatFailsIsAFindingAndTheOthersAreHeard() {
        Diagnosis failing = new Diagnosis() {
            @Override
            public String title() {
                return "A";
            }

            @Override
            public List<Finding> examine() {
                throw new IllegalStateException("the library was released");
            }
        };
        Report report = Report.of(List.of(failing, diagnosis("B", Finding.fact("x", "y"))));
        assertEquals("""
                A
                  BROKEN  examination  failed: java.lang.IllegalStateException: the library was released

                B
                  x  y""", report.text());
        assertTrue(report.broken());
    }

    @Test
    void theExitStatusSaysWhetherSomethingIsBroken() {
        assertEquals(0, new Doctor(List.of(diagnosis("A", Finding.lacking("x", "y")))).applyAsInt(List.of()));
        assertEquals(1, new Doctor(List.of(diagnosis("A", Finding.broken("x", "y")))).applyAsInt(List.of()));
        assertEquals("A\n  lacks  x  y", new Doctor(List.of(diagnosis("A", Finding.lacking("x", "y")))).doctor());
    }
}
