// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;
import org.vellum.nativelib.NativeCore;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.registry.Owner;
import org.vellum.runtime.registry.Regions;
import org.vellum.runtime.services.PhaseObservers;
import org.vellum.runtime.services.RuntimeServices;

/**
 * The runtime on a flat class path: what the framework's services would tell it, told by hand. In the runtime's
 * package, which a bundle keeps to itself.
 */
public final class RegionsWithoutFramework implements RegionManager, AutoCloseable {
    private final PhaseObservers observers = new PhaseObservers();
    private final Regions regions;
    private final Owner owner = () -> "this program";

    public RegionsWithoutFramework(NativeCore core) {
        regions =
                new Regions(new RuntimeServices(core, observers, (topic, properties) -> {}, Duration.ofSeconds(5)), 0);
    }

    public void add(Vmm vmm) {
        regions.providerArrived(Axis.VMM, vmm, Map.of(Vmm.PROPERTY, vmm.name()));
    }

    public void add(PageTable pageTable) {
        regions.providerArrived(Axis.PAGE_TABLE, pageTable, Map.of(PageTable.PROPERTY, pageTable.name()));
    }

    public void add(Strategy strategy) {
        regions.providerArrived(Axis.STRATEGY, strategy, Map.of(Strategy.PROPERTY, strategy.name()));
    }

    public void add(Store store) {
        // what a benchmark adds is to be taken, whatever it keeps
        regions.providerArrived(Axis.STORE, store, Map.of(Store.PROPERTY, store.name(), Store.DURABLE_PROPERTY, true));
    }

    public void add(PhaseObserver observer) {
        observers.add(observer);
    }

    public void remove(PhaseObserver observer) {
        observers.remove(observer);
    }

    @Override
    public Region open(String name, RegionOptions options) {
        return regions.open(name, options, owner);
    }

    @Override
    public List<Region> regions() {
        return regions.regions();
    }

    @Override
    public Optional<Region> region(String name) {
        return regions.region(name);
    }

    /** Closes every region. */
    @Override
    public void close() {
        regions.stop();
    }
}
