// SPDX-License-Identifier: Apache-2.0
package org.vellum.vmm.kvm;

/** The counters of transitions, which the bundle shows its doctor only. In its package, which it keeps to itself. */
public final class CountersWithoutFramework {
    private CountersWithoutFramework() {}

    /** Host to guest, all threads. */
    public static long entries(KvmVmm vmm) {
        return vmm.counters().entries();
    }

    /** Guest to host, all threads, for any reason. */
    public static long leaves(KvmVmm vmm) {
        return vmm.counters().leaves();
    }
}
