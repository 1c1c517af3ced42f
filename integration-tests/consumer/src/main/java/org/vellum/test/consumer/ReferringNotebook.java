// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.consumer;

import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;

/** Gets the manager by an ordinary reference, and deliberately closes nothing when it is deactivated. */
@Component
public final class ReferringNotebook implements Notebook {
    private final RegionManager regions;

    @Activate
    public ReferringNotebook(@Reference RegionManager regions) {
        this.regions = regions;
    }

    @Override
    public Region open(String name, RegionOptions options) {
        return regions.open(name, options);
    }
}
