// SPDX-License-Identifier: Apache-2.0
package org.vellum.vmm.kvm;

import java.nio.ByteBuffer;

/** {@code struct vellum_kvm_counters}, with its comments in {@code native/include/vellum/kvm.h}. */
public record KvmCounters(
        long vcpus,
        long memorySlots,
        long chunks,
        long entries,
        long leaves,
        long leavesForSystemCall,
        long leavesForFault,
        long leavesForSignal,
        long leavesForOther,
        long forwardedSystemCalls,
        long storeFaults,
        long storeFaultsInGuest,
        long hypercalls,
        long kicks,
        long openedInHost) {
    static final int SIZE = 15 * Long.BYTES;

    /** Reads the structure, in the order of its fields. */
    static KvmCounters read(ByteBuffer structure) {
        return new KvmCounters(
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong());
    }

    /** Whether there is a machine: it has memory from the moment a region is attached. */
    boolean machineExists() {
        return memorySlots > 0;
    }
}
