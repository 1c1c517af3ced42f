package org.vellum.runtime;

import java.util.List;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;

/**
 * The providers a region is composed of.
 *
 * @param remarks sentences about what had to give way
 */
record Tuple(Vmm vmm, PageTable pageTable, Strategy strategy, Store store, List<String> remarks) {
    boolean uses(Object provider) {
        return vmm == provider || pageTable == provider || strategy == provider || store == provider;
    }

    RegionStatus.Providers names() {
        return new RegionStatus.Providers(vmm.name(), pageTable.name(), strategy.name(), store.name());
    }
}
