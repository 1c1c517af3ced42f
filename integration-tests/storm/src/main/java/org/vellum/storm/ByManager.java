// SPDX-License-Identifier: Apache-2.0
package org.vellum.storm;

import java.util.concurrent.ConcurrentMap;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;

/** A component that opens its region. */
@Component(
        service = {},
        immediate = true)
public final class ByManager {
    public static final String USER = "manager";

    private final Region region;
    private final Load load;

    @Activate
    public ByManager(
            @Reference RegionManager regions,
            @Reference(target = "(" + Notes.PROPERTY + "=*)") ConcurrentMap<String, Object> notes) {
        region = regions.open(USER, RegionOptions.size(Load.SIZE));
        load = new Load(USER, region, notes);
    }

    @Deactivate
    public void end() {
        load.end();
        region.close();
    }
}
