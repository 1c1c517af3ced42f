// SPDX-License-Identifier: Apache-2.0
package org.vellum.strategy.dirtybit;

import org.osgi.annotation.bundle.Capability;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.propertytypes.ServiceRanking;
import org.vellum.api.provider.ProviderNamespace;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.nativelib.NativeProvider;

/** Finds the stores at the cut: the page table says which pages were stored to since the last one. */
@Component(property = Strategy.PROPERTY + "=" + DirtyBitStrategy.NAME)
@ServiceRanking(10)
@Capability(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.STRATEGY,
        attribute = {ProviderNamespace.NAME + "=dirty-bit"})
public final class DirtyBitStrategy extends NativeProvider implements Strategy {
    static final String NAME = "dirty-bit";

    @Activate
    public DirtyBitStrategy() {
        super(NAME, "vellum_strategy_dirtybit");
    }

    @Deactivate
    @Override
    public void close() {
        super.close();
    }

    @Override
    public Tracking tracking() {
        return Tracking.DIRTY_BIT;
    }
}
