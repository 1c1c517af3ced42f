package org.vellum.strategy.writeprotect;

import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.nativelib.ProviderLibrary;

/** Intercepts the first store to each page in an epoch and keeps the page's pre-image, which the cut compares with. */
@Component(property = Strategy.PROPERTY + "=" + WriteProtectStrategy.NAME)
public final class WriteProtectStrategy implements Strategy {
    static final String NAME = "write-protect";

    private final ProviderLibrary library;
    private final long operations;

    @Activate
    public WriteProtectStrategy() {
        library = ProviderLibrary.open("vellum_strategy_writeprotect", WriteProtectStrategy.class);
        operations = library.variable("vellum_strategy_writeprotect");
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
        return Tracking.WRITE_PROTECT;
    }
}
