// SPDX-License-Identifier: Apache-2.0
package org.vellum.vmm.kvm;

import java.nio.ByteBuffer;

/**
 * {@code struct vellum_kvm_measurements}, with its comments in {@code native/include/vellum/kvm.h}. Times are
 * nanoseconds.
 *
 * @param faultInGuest 0: does not work here
 * @param largePages MiB that a leaf of ordinary memory maps
 * @param extendedState bytes
 */
record KvmMeasurements(
        long ring0Instruction,
        long exit,
        long faultByExit,
        long faultInGuest,
        long firstStore,
        long rearm,
        int faultPath,
        int rearmPath,
        int largePages,
        int extendedState,
        int kickSignal,
        int vcpuLimit) {
    static final int SIZE = 6 * Long.BYTES + 6 * Integer.BYTES;

    /** {@code enum vellum_kvm_fault_path}. */
    static final int FAULT_BY_EXIT = 1;

    static final int FAULT_IN_GUEST = 2;

    /** {@code enum vellum_kvm_rearm_path}. */
    static final int REARM_BY_DIRTY_LOG = 1;

    static final int REARM_BY_CR3_RELOAD = 2;

    /** Reads the structure, in the order of its fields. */
    static KvmMeasurements read(ByteBuffer structure) {
        return new KvmMeasurements(
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getLong(),
                structure.getInt(),
                structure.getInt(),
                structure.getInt(),
                structure.getInt(),
                structure.getInt(),
                structure.getInt());
    }
}
