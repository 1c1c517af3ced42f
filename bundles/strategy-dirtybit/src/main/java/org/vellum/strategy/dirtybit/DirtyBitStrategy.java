package org.vellum.strategy.dirtybit;

import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.propertytypes.ServiceRanking;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.nativelib.ProviderLibrary;

/** Finds the stores at the cut: the page table says which pages were stored to since the last one. */
@Component(property = Strategy.PROPERTY + "=" + DirtyBitStrategy.NAME)
@ServiceRanking(10)
public final class DirtyBitStrategy implements Strategy {
    static final String NAME = "dirty-bit";

    private final ProviderLibrary library;
    private final long operations;

    @Activate
    public DirtyBitStrategy() {
        library = ProviderLibrary.open("vellum_strategy_dirtybit", DirtyBitStrategy.class);
        operations = library.variable("vellum_strategy_dirtybit");
    }

    @Deactivate
    public void close() {
        library.close();
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public long operations() {
        return operations;
    }

    @Override
    public Tracking tracking() {
        return Tracking.DIRTY_BIT;
    }
}
