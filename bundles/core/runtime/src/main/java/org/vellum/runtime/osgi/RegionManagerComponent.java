// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.osgi.framework.Bundle;
import org.osgi.service.component.ComponentContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ServiceScope;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.WantedRegion;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.registry.Owner;
import org.vellum.runtime.registry.Regions;

/**
 * One bundle's way to regions: what it opens is closed when the bundle stops, or lets go of the service for good.
 * Safe for use by many threads.
 */
@Component(service = RegionManager.class, scope = ServiceScope.BUNDLE)
public final class RegionManagerComponent implements RegionManager, Owner {
    private final Regions regions;
    private final Bundle user;
    private volatile boolean stopped;

    @Activate
    public RegionManagerComponent(@Reference Regions regions, ComponentContext context) {
        this.regions = regions;
        this.user = context.getUsingBundle();
    }

    @Deactivate
    public void stop() {
        stopped = true;
        regions.closeAllOf(this);
    }

    @Override
    public String description() {
        return "bundle " + user.getSymbolicName() + " (" + user.getBundleId() + ")";
    }

    @Override
    public Region open(String name, RegionOptions options) {
        Objects.requireNonNull(name);
        Objects.requireNonNull(options);
        OpenRegion region = regions.open(name, options, this);
        if (stopped) { // after stop() looked for regions to close, perhaps
            region.closeWithoutOwner();
            throw new RegionException("region '" + name + "' was closed at once: " + description() + " stops");
        }
        return region;
    }

    @Override
    public List<WantedRegion> wanted() {
        return regions.wanted();
    }

    @Override
    public List<Region> regions() {
        return regions.regions();
    }

    @Override
    public Optional<Region> region(String name) {
        return regions.region(name);
    }
}
