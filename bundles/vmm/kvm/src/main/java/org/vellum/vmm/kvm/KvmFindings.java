// SPDX-License-Identifier: Apache-2.0
package org.vellum.vmm.kvm;

import java.util.List;
import org.vellum.api.provider.Diagnosis.Finding;

import static org.vellum.api.provider.Diagnosis.Finding.fact;
import static org.vellum.api.provider.Diagnosis.Finding.works;
import static org.vellum.api.provider.Quantity.bytes;
import static org.vellum.api.provider.Quantity.count;
import static org.vellum.api.provider.Quantity.nanoseconds;

/** What the native half measured and counted, in words. */
final class KvmFindings {
    /** Above it an instruction at CPL 0 was not executed by the processor (kvm.h). */
    private static final long NATIVE_INSTRUCTION_LIMIT = 50;

    /** glibc's first realtime signal. */
    private static final int SIGRTMIN = 34;

    private static final int REARMED_PAGES = 64;

    private KvmFindings() {}

    static List<Finding> ofHost(KvmMeasurements measured) {
        return List.of(
                works("guest mode", "this process can run guest code"),
                fact("ring 0", ring0(measured)),
                fact("exit", nanoseconds(measured.exit()) + " from the guest to the VMM loop and back"),
                fact("first store", nanoseconds(measured.firstStore()) + " to a page whose dirty bit was cleared"),
                fact("write-protect", faultPath(measured)),
                fact("re-arming", rearmPath(measured)),
                fact("ordinary memory", "mapped by leaves of " + bytes((long) measured.largePages() << 20)),
                fact("register state", bytes(measured.extendedState()) + " of XSAVE state carried across a transition"),
                fact("kick signal", kick(measured.kickSignal())),
                fact("vCPUs", "at most " + count(measured.vcpuLimit()) + ", one for each thread that enters"));
    }

    private static String ring0(KvmMeasurements measured) {
        long time = measured.ring0Instruction();
        return (time > NATIVE_INSTRUCTION_LIMIT ? "emulated, " : "native, ") + nanoseconds(time) + " an instruction";
    }

    private static String faultPath(KvmMeasurements measured) {
        String byExit = nanoseconds(measured.faultByExit());
        String inGuest = nanoseconds(measured.faultInGuest());
        if (measured.faultPath() == KvmMeasurements.FAULT_IN_GUEST) {
            return "faults are served inside the guest, " + inGuest + " each: faster than by an exit, " + byExit;
        }
        return "faults are served by an exit, " + byExit + " each: "
                + (measured.faultInGuest() == 0
                        ? "serving them inside the guest does not work here"
                        : "faster than inside the guest, " + inGuest);
    }

    private static String rearmPath(KvmMeasurements measured) {
        String time = ", " + nanoseconds(measured.rearm()) + " for " + REARMED_PAGES + " pages";
        return measured.rearmPath() == KvmMeasurements.REARM_BY_CR3_RELOAD
                ? "by reloading CR3 (two-dimensional paging)" + time
                : "by KVM_CLEAR_DIRTY_LOG (shadow paging: a CR3 reload was not seen to do it)" + time;
    }

    private static String kick(int signal) {
        if (signal == 0) {
            return "a realtime signal that nobody has a handler for, chosen when the first region is attached";
        }
        return "signal " + signal + " (SIGRTMIN" + (signal == SIGRTMIN ? "" : "+" + (signal - SIGRTMIN))
                + ") interrupts vCPUs; the application must not use it";
    }

    static List<Finding> ofMachine(KvmCounters counted) {
        if (!counted.machineExists()) {
            return List.of(fact("machine", "none now: no region is open on this VMM backend"));
        }
        return List.of(
                fact(
                        "machine",
                        count(counted.vcpus()) + " vCPUs, " + count(counted.memorySlots()) + " memory slots, "
                                + count(counted.chunks()) + " chunks of 1 GiB of ordinary memory"),
                fact(
                        "transitions",
                        count(counted.entries()) + " into guest mode, " + count(counted.leaves()) + " out of it: "
                                + count(counted.leavesForSystemCall()) + " for a system call, "
                                + count(counted.leavesForFault()) + " for a fault of the host's, "
                                + count(counted.leavesForSignal()) + " for a signal, "
                                + count(counted.leavesForOther()) + " for another reason"),
                fact(
                        "inside guest mode",
                        count(counted.forwardedSystemCalls()) + " system calls forwarded, "
                                + count(counted.hypercalls()) + " hypercalls"),
                fact(
                        "store faults",
                        count(counted.storeFaults()) + " served by an exit, " + count(counted.storeFaultsInGuest())
                                + " inside the guest, " + count(counted.openedInHost())
                                + " in host mode for threads without a vCPU"),
                fact("cuts", count(counted.kicks()) + " vCPUs interrupted"));
    }
}
