// SPDX-License-Identifier: Apache-2.0
package org.vellum.vmm.kvm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeProvider;

/**
 * Virtualisation: code that stores into a region runs as a KVM guest in its own address space. Whoever constructs one
 * asks {@link #obstacle} before use, and closes it.
 */
public final class KvmVmm extends NativeProvider implements KvmBackend {
    static final String NAME = "kvm";

    /** Loads the native half, whether or not this host can run a guest. */
    public KvmVmm() {
        super(NAME, "vellum_vmm_kvm");
    }

    @Override
    public Optional<String> obstacle() {
        return library().obstacle("vellum_vmm_kvm_obstacle");
    }

    @Override
    public KvmMeasurements measurements() {
        byte[] structure = new byte[KvmMeasurements.SIZE];
        int result = library().call("vellum_vmm_kvm_measure", (Object) structure);
        if (result != 0) {
            throw new IllegalStateException(
                    "the host's KVM cannot be measured: " + Errno.describe(result) + " (a guest for it did not run)");
        }
        return KvmMeasurements.read(ByteBuffer.wrap(structure).order(ByteOrder.nativeOrder()));
    }

    @Override
    public KvmCounters counters() {
        byte[] structure = new byte[KvmCounters.SIZE];
        library().call("vellum_vmm_kvm_read_counters", (Object) structure);
        return KvmCounters.read(ByteBuffer.wrap(structure).order(ByteOrder.nativeOrder()));
    }
}
