// SPDX-License-Identifier: Apache-2.0
package org.vellum.vmm.kvm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.vellum.api.provider.Diagnosis.Finding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class KvmFindingsTest {
    private static KvmMeasurements emulated() {
        return new KvmMeasurements(550, 45_000, 61_000, 90_000, 4_500, 1_300, 1, 1, 2, 2_440, 36, 1024);
    }

    private static KvmMeasurements twoDimensional() {
        return new KvmMeasurements(1, 1_400, 2_600, 800, 60, 90, 2, 2, 1024, 832, 34, 4096);
    }

    private static String text(List<Finding> findings) {
        return findings.stream()
                .map(finding -> finding.subject() + ": " + finding.text())
                .collect(Collectors.joining("\n"));
    }

    @Test
    void aHostThatEmulatesRingZeroIsDescribed() {
        assertEquals("""
                guest mode: this process can run guest code
                ring 0: emulated, 550 ns an instruction
                exit: 45.0 µs from the guest to the VMM loop and back
                first store: 4.5 µs to a page whose dirty bit was cleared
                write-protect: faults are served by an exit, 61.0 µs each: faster than inside the guest, 90.0 µs
                re-arming: by KVM_CLEAR_DIRTY_LOG (shadow paging: a CR3 reload was not seen to do it), 1.3 µs for 64 pages
                ordinary memory: mapped by leaves of 2 MiB
                register state: 2.4 KiB of XSAVE state carried across a transition
                kick signal: signal 36 (SIGRTMIN+2) interrupts vCPUs; the application must not use it
                vCPUs: at most 1,024, one for each thread that enters""", text(KvmFindings.ofHost(emulated())));
    }

    @Test
    void aHostWithTwoDimensionalPagingIsDescribed() {
        String text = text(KvmFindings.ofHost(twoDimensional()));
        assertTrue(text.contains("ring 0: native, 1 ns an instruction"), text);
        assertTrue(
                text.contains("faults are served inside the guest, 800 ns each: faster than by an exit, 2.6 µs"), text);
        assertTrue(text.contains("by reloading CR3 (two-dimensional paging), 90 ns for 64 pages"), text);
        assertTrue(text.contains("leaves of 1 GiB"), text);
        assertTrue(text.contains("signal 34 (SIGRTMIN) "), text);
    }

    @Test
    void aKickSignalIsNotNamedBeforeItIsChosen() {
        String text = text(
                KvmFindings.ofHost(new KvmMeasurements(550, 45_000, 61_000, 0, 4_500, 1_300, 1, 1, 2, 2_440, 0, 1024)));
        assertTrue(text.contains("kick signal: a realtime signal that nobody has a handler for, chosen when"), text);
    }

    @Test
    void faultsThatCannotBeServedInTheGuestAreSaidToBeSo() {
        String text = text(KvmFindings.ofHost(
                new KvmMeasurements(550, 45_000, 61_000, 0, 4_500, 1_300, 1, 1, 2, 2_440, 36, 1024)));
        assertTrue(text.contains("by an exit, 61.0 µs each: serving them inside the guest does not work here"), text);
    }

    @Test
    void countersAreShownWhileThereIsAMachine() {
        assertEquals(
                "machine: none now: no region is open on this VMM backend",
                text(KvmFindings.ofMachine(new KvmCounters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))));
        assertEquals(
                """
                machine: 8 vCPUs, 12 memory slots, 9 chunks of 1 GiB of ordinary memory
                transitions: 1,000 into guest mode, 998 out of it: 900 for a system call, 80 for a fault of the \
                host's, 10 for a signal, 8 for another reason
                inside guest mode: 5,000 system calls forwarded, 70 hypercalls
                store faults: 60 served by an exit, 50 inside the guest, 4 in host mode for threads without a vCPU
                cuts: 3 vCPUs interrupted""",
                text(KvmFindings.ofMachine(
                        new KvmCounters(8, 12, 9, 1000, 998, 900, 80, 10, 8, 5000, 60, 50, 70, 3, 4))));
    }

    /** Each field holds its place's number: a field read from another place shows. */
    @Test
    void theStructuresAreReadAsTheHeaderDeclaresThem() {
        ByteBuffer structure = ByteBuffer.allocate(KvmMeasurements.SIZE).order(ByteOrder.nativeOrder());
        for (long field = 1; field <= 6; field++) {
            structure.putLong(field);
        }
        for (int field = 7; field <= 12; field++) {
            structure.putInt(field);
        }
        assertEquals(
                new KvmMeasurements(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), KvmMeasurements.read(structure.flip()));
        ByteBuffer counters = ByteBuffer.allocate(KvmCounters.SIZE).order(ByteOrder.nativeOrder());
        for (long field = 1; field <= 15; field++) {
            counters.putLong(field);
        }
        assertEquals(
                new KvmCounters(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), KvmCounters.read(counters.flip()));
    }
}
