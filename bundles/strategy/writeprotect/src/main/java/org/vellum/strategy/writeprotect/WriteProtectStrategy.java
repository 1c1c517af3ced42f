// SPDX-License-Identifier: Apache-2.0
package org.vellum.strategy.writeprotect;

import org.osgi.annotation.bundle.Capability;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.vellum.api.provider.ProviderNamespace;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.nativelib.NativeProvider;

/** Intercepts the first store to each page in an epoch and keeps the page's pre-image, which the cut compares with. */
@Component(property = Strategy.PROPERTY + "=" + WriteProtectStrategy.NAME)
@Capability(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.STRATEGY,
        attribute = {ProviderNamespace.NAME + "=write-protect", ProviderNamespace.IS_PORTABLE})
public final class WriteProtectStrategy extends NativeProvider implements Strategy {
    static final String NAME = "write-protect";

    @Activate
    public WriteProtectStrategy() {
        super(NAME, "vellum_strategy_writeprotect");
    }

    @Deactivate
    @Override
    public void close() {
        super.close();
    }

    @Override
    public Tracking tracking() {
        return Tracking.WRITE_PROTECT;
    }
}
