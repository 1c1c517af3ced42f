// SPDX-License-Identifier: Apache-2.0
package org.vellum.pagetable.host;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.vellum.api.provider.Diagnosis.Finding;
import org.vellum.api.provider.Diagnosis.Verdict;
import org.vellum.api.provider.PageTableEntry;
import org.vellum.api.provider.PageTableEntry.Flag;
import org.vellum.api.provider.Tracking;
import org.vellum.nativelib.ProviderLibrary;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** With the native half of this build. */
class HostPageTableTest {
    @Test
    void theDoctorIsToldOfEachMechanism() {
        HostPageTable table = new HostPageTable();
        try {
            List<Finding> findings = table.examine();
            assertEquals(
                    List.of("asynchronous userfaultfd", "synchronous userfaultfd", "mprotect"),
                    findings.stream().map(Finding::subject).toList());
            boolean dirtyBits = table.obstacleTo(Tracking.DIRTY_BIT).isEmpty();
            assertEquals(
                    dirtyBits ? Verdict.WORKS : Verdict.LACKING, findings.get(0).verdict());
            assertEquals(Verdict.WORKS, findings.get(2).verdict(), "every kernel has it");
            assertTrue(
                    findings.get(2)
                            .text()
                            .matches("for write-protect on older kernels: [0-9.]+ [nµm]s opening a page.*"),
                    findings.get(2).text());
        } finally {
            table.close();
        }
    }

    @Test
    void aMechanismsSentenceNamesItsUseAndItsTimes() {
        assertEquals(
                Finding.works(
                        "asynchronous userfaultfd",
                        "for dirty-bit: 900 ns the first store to a page, 1.2 µs PAGEMAP_SCAN finding it"),
                HostMechanism.ASYNCHRONOUS.works(900, 1200));
        assertEquals(
                Finding.lacking("asynchronous userfaultfd", "for dirty-bit: no such system call"),
                HostMechanism.ASYNCHRONOUS.lacking("no such system call"));
    }

    @Test
    void onlyAProtectedPageIsKnownToBeClosed() {
        HostPageTable table = new HostPageTable();
        try {
            assertEquals(Optional.of("closed (write-protected)"), table.meaning(Pagemap.decode(0, 1L << 57)));
            PageTableEntry present = Pagemap.decode(0, 1L << 63);
            assertTrue(present.has(Flag.PRESENT));
            assertEquals(Optional.empty(), table.meaning(present));
        } finally {
            table.close();
        }
    }

    @Test
    void afterItsBundleStoppedTheLibraryIsNotCalled() {
        HostPageTable table = new HostPageTable();
        table.close();
        table.close();
        IllegalStateException refused =
                assertThrows(IllegalStateException.class, () -> table.obstacleTo(Tracking.DIRTY_BIT));
        assertTrue(refused.getMessage().contains("libvellum_pagetable_host.so was released"), refused.getMessage());
    }

    /** {@code struct host_page_times} is two numbers here: of opening, then of closing. */
    @Test
    void timesLieAsTheNativeHalfSays() {
        try (ProviderLibrary library = ProviderLibrary.open("vellum_pagetable_host", HostPageTable.class)) {
            long[] answer = new long[3]; // offset, size, fields
            assertEquals(0, library.call("vellum_pagetable_host_layout", "host_page_times", answer));
            assertArrayEquals(new long[] {0, 16, 2}, answer);
            assertEquals(0, library.call("vellum_pagetable_host_layout", "host_page_times.open", answer));
            assertArrayEquals(new long[] {0, 8, 0}, answer);
            assertEquals(0, library.call("vellum_pagetable_host_layout", "host_page_times.close", answer));
            assertArrayEquals(new long[] {8, 8, 0}, answer);
        }
    }
}
