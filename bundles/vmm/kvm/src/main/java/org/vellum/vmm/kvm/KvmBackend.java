// SPDX-License-Identifier: Apache-2.0
package org.vellum.vmm.kvm;

import java.util.Optional;
import org.vellum.api.provider.Vmm;

/** The backend, and what its native half knows of this host's KVM ({@code native/include/vellum/kvm.h}). Any thread. */
interface KvmBackend extends Vmm, AutoCloseable {
    /** Empty if this process can run guest code; else one sentence, without a period. */
    Optional<String> obstacle();

    /**
     * Measures at the first call, about 50 ms; later calls return the same.
     *
     * @throws IllegalStateException it cannot be measured, or the native half was released
     */
    KvmMeasurements measurements();

    /**
     * Of the machine that exists now; all 0 when no region is attached.
     *
     * @throws IllegalStateException the native half was released
     */
    KvmCounters counters();

    /** Releases the native half, after everything has left it. Idempotent. */
    @Override
    void close();
}
