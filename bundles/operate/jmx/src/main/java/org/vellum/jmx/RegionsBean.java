// SPDX-License-Identifier: Apache-2.0
package org.vellum.jmx;

import java.util.Date;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.WantedRegion;

/** Asks the region manager anew for each attribute. Safe for use by many threads. */
final class RegionsBean implements RegionsMXBean {
    private final RegionManager regions;

    RegionsBean(RegionManager regions) {
        this.regions = regions;
    }

    @Override
    public String[] getOpen() {
        return regions.regions().stream().map(Region::name).toArray(String[]::new);
    }

    @Override
    public Wanted[] getWanted() {
        return regions.wanted().stream().map(WantedBean::new).toArray(Wanted[]::new);
    }

    private record WantedBean(WantedRegion region) implements Wanted {
        @Override
        public String getName() {
            return region.name();
        }

        @Override
        public String getWantedBy() {
            return region.wantedBy();
        }

        @Override
        public String getObstacle() {
            return region.obstacle().name();
        }

        @Override
        public String getReason() {
            return region.reason();
        }

        @Override
        public Date getSince() {
            return Date.from(region.since());
        }

        @Override
        public Date getTried() {
            return Date.from(region.tried());
        }
    }
}
