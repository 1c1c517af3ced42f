// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.testing;

import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;
import org.vellum.nativelib.internal.JnaNativeCore;
import org.vellum.pagetable.host.HostPageTable;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.registry.Regions;
import org.vellum.runtime.services.PhaseObservers;
import org.vellum.runtime.services.RuntimeServices;
import org.vellum.strategy.dirtybit.DirtyBitStrategy;
import org.vellum.strategy.writeprotect.WriteProtectStrategy;
import org.vellum.vmm.host.HostVmm;

/** The real core and the real providers of the host, for tests of the runtime on them. */
public final class HostProviders implements AutoCloseable {
    public final JnaNativeCore core = new JnaNativeCore();
    final HostVmm vmm = new HostVmm();
    final HostPageTable pageTable = new HostPageTable();
    public final DirtyBitStrategy dirtyBit = new DirtyBitStrategy();
    public final WriteProtectStrategy writeProtect = new WriteProtectStrategy();

    /** A runtime of its own with all of them, and with dirty-bit for who names no strategy. */
    public Regions runtime(Store store) {
        Regions regions = new Regions(
                new RuntimeServices(core, new PhaseObservers(), (topic, properties) -> {}, Bench.PATIENCE), 0);
        regions.providerArrived(Axis.VMM, vmm, FakeProviders.properties(Vmm.PROPERTY, "host", 0, 1));
        regions.providerArrived(Axis.PAGE_TABLE, pageTable, FakeProviders.properties(PageTable.PROPERTY, "host", 0, 2));
        regions.providerArrived(
                Axis.STRATEGY, dirtyBit, FakeProviders.properties(Strategy.PROPERTY, "dirty-bit", 10, 3));
        regions.providerArrived(
                Axis.STRATEGY, writeProtect, FakeProviders.properties(Strategy.PROPERTY, "write-protect", 0, 4));
        regions.providerArrived(Axis.STORE, store, FakeProviders.properties(Store.PROPERTY, "file", 0, 5));
        return regions;
    }

    @Override
    public void close() {
        writeProtect.close();
        dirtyBit.close();
        pageTable.close();
        vmm.close();
        core.close();
    }
}
