// SPDX-License-Identifier: Apache-2.0
package org.acme.vellum.providers;

import java.util.List;
import org.osgi.annotation.bundle.Capability;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.propertytypes.ServiceRanking;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.ProviderNamespace;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.nativelib.NativeProvider;

/**
 * The strategy {@code counting}. All of its work is done in C ({@code src/main/c/strategy_counting.c}); the service carries its
 * name and the address of its structure of functions. The ranking keeps {@code auto} from taking it.
 */
@Component(
        service = {Strategy.class, Diagnosis.class},
        property = Strategy.PROPERTY + "=" + CountingStrategy.NAME)
@ServiceRanking(-1000)
@Capability(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.STRATEGY,
        attribute = {ProviderNamespace.NAME + "=counting"})
public final class CountingStrategy extends NativeProvider implements Strategy, Diagnosis {
    static final String NAME = "counting";

    @Activate
    public CountingStrategy() {
        super(NAME, "acme_strategy_counting");
    }

    @Override
    public Tracking tracking() {
        return Tracking.DIRTY_BIT;
    }

    @Override
    public String title() {
        return "Strategy " + NAME;
    }

    @Override
    public List<Finding> examine() {
        return List.of(Finding.fact("dirty pages", Integer.toString(library().call("acme_counting_pages"))));
    }

    /** The runtime has taken the strategy out of force for every region when this is called. */
    @Deactivate
    @Override
    public void close() {
        super.close();
    }
}
