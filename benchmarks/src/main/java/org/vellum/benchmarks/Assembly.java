// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.nio.file.Path;
import java.util.Optional;
import org.vellum.api.RegionManager;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.embedded.Vellum;
import org.vellum.nativelib.internal.JnaNativeCore;
import org.vellum.nativelib.internal.JnaNativePersistence;
import org.vellum.pagetable.guest.GuestPageTable;
import org.vellum.pagetable.host.HostPageTable;
import org.vellum.store.dax.DaxStore;
import org.vellum.store.file.FileStore;
import org.vellum.strategy.dirtybit.DirtyBitStrategy;
import org.vellum.strategy.writeprotect.WriteProtectStrategy;
import org.vellum.vmm.host.HostVmm;
import org.vellum.vmm.kvm.KvmVmm;

/** Every provider there is, put together without a framework. One at a time in a process. */
final class Assembly implements AutoCloseable {
    private final JnaNativeCore core = new JnaNativeCore();
    private final JnaNativePersistence persistence = new JnaNativePersistence();
    private final HostVmm vmm = new HostVmm();
    private final HostPageTable pageTable = new HostPageTable();
    private final KvmVmm guestVmm = new KvmVmm();
    private final GuestPageTable guestPageTable = new GuestPageTable();
    private final Optional<String> guestObstacle = guestVmm.obstacle();
    private final WriteProtectStrategy writeProtect = new WriteProtectStrategy();
    private final DirtyBitStrategy dirtyBit = new DirtyBitStrategy();
    private final Vellum vellum;

    /** @param folder for regions that name none */
    Assembly(Path folder) {
        Vellum.Builder builder = Vellum.builder()
                .bare()
                .core(core)
                .add(vmm, 0)
                .add(pageTable, 0)
                .add(writeProtect, 0)
                .add(dirtyBit, 10)
                .add(loaded -> FileStore.withoutFramework(loaded, folder), true, 0)
                // behind it, so that it is taken by name only
                .add(loaded -> DaxStore.emulatedWithoutFramework(loaded, persistence, folder), true, -10);
        if (guestObstacle.isEmpty()) { // behind the host's, which are what 'auto' takes
            builder.add(guestVmm, -10).add(guestPageTable, -10);
        }
        vellum = builder.open();
    }

    RegionManager regions() {
        return vellum;
    }

    /** Counters of the VMM that runs a guest; empty where {@link #guestObstacle} says why. */
    Optional<GuestMode> guestMode() {
        if (guestObstacle.isPresent()) {
            return Optional.empty();
        }
        return Optional.of(new GuestMode() {
            @Override
            public long entries() {
                return guestVmm.counters().entries();
            }

            @Override
            public long leaves() {
                return guestVmm.counters().leaves();
            }
        });
    }

    /** Why this process runs no guest: one sentence, without a period. */
    Optional<String> guestObstacle() {
        return guestObstacle;
    }

    void addObserver(PhaseObserver observer) {
        vellum.addObserver(observer);
    }

    void removeObserver(PhaseObserver observer) {
        vellum.removeObserver(observer);
    }

    /** Makes a file as the store makes those of its log. */
    void prepareLogFile(Path path, long size) {
        LogFile.prepare(core, path, size);
    }

    /** Closes the regions before the native code that serves them. */
    @Override
    public void close() {
        vellum.close();
        dirtyBit.close();
        writeProtect.close();
        guestPageTable.close();
        guestVmm.close();
        pageTable.close();
        vmm.close();
        persistence.close();
        core.close();
    }
}
