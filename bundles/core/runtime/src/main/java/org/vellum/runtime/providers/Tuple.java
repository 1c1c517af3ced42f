// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.util.List;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;

/**
 * The providers a region is composed of. The three that track stores are there together, or null together where none
 * does.
 *
 * @param remarks sentences about what had to give way
 */
public record Tuple(Vmm vmm, PageTable pageTable, Strategy strategy, Store store, List<String> remarks) {
    /** This one without tracking. */
    public Tuple untracked() {
        return new Tuple(null, null, null, store, List.of());
    }

    public Tuple withStore(Store other) {
        return new Tuple(vmm, pageTable, strategy, other, remarks);
    }

    public boolean isTracked() {
        return vmm != null;
    }

    public boolean tracksLike(Tuple other) {
        return vmm == other.vmm && pageTable == other.pageTable && strategy == other.strategy;
    }

    boolean tracksWith(Object provider) {
        return provider != null && (vmm == provider || pageTable == provider || strategy == provider);
    }

    public boolean uses(Object provider) {
        return tracksWith(provider) || (provider != null && store == provider);
    }

    public RegionStatus.Providers names() {
        return new RegionStatus.Providers(
                isTracked() ? vmm.name() : RegionStatus.Providers.NONE,
                isTracked() ? pageTable.name() : RegionStatus.Providers.NONE,
                isTracked() ? strategy.name() : RegionStatus.Providers.NONE,
                store != null ? store.name() : RegionStatus.Providers.NONE);
    }

    /** Addresses of the native operations of those that track stores. */
    public record Operations(long vmm, long pageTable, long strategy) {}

    /** @throws IllegalStateException one of them is gone */
    public Operations operations() {
        return new Operations(vmm.operations(), pageTable.operations(), strategy.operations());
    }
}
