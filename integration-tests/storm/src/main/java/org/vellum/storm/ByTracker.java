// SPDX-License-Identifier: Apache-2.0
package org.vellum.storm;

import java.util.concurrent.ConcurrentMap;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.util.tracker.ServiceTracker;
import org.osgi.util.tracker.ServiceTrackerCustomizer;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RequireVellum;

/**
 * An activator that opens its region when there is a region manager, without Declarative Services. It lets go of both when the region manager
 * goes, or, if the framework property {@value #HOLDS_ON} is set, only when it is itself stopped.
 */
@RequireVellum
public final class ByTracker implements BundleActivator {
    public static final String USER = "tracker";
    public static final String HOLDS_ON = "vellum.storm.holds.on";

    private record Use(Region region, Load load) {}

    private ServiceTracker<RegionManager, Use> tracker;
    private boolean holdsOn;
    private Use held;

    @Override
    public void start(BundleContext context) {
        holdsOn = context.getProperty(HOLDS_ON) != null;
        tracker = new ServiceTracker<>(context, RegionManager.class, new ServiceTrackerCustomizer<>() {
            @Override
            public Use addingService(ServiceReference<RegionManager> reference) {
                RegionManager regions = context.getService(reference);
                if (regions == null) {
                    return null;
                }
                Region region = regions.open(USER, RegionOptions.size(Load.SIZE));
                held = new Use(region, new Load(USER, region, notes(context)));
                return held;
            }

            @Override
            public void modifiedService(ServiceReference<RegionManager> reference, Use use) {}

            @Override
            public void removedService(ServiceReference<RegionManager> reference, Use use) {
                if (!holdsOn) {
                    use.load().end();
                    use.region().close();
                    context.ungetService(reference);
                }
            }
        });
        tracker.open();
    }

    @SuppressWarnings("unchecked") // what the driver registers
    private static ConcurrentMap<String, Object> notes(BundleContext context) {
        try {
            return context.getService(context.getServiceReferences(ConcurrentMap.class, "(" + Notes.PROPERTY + "=*)")
                    .iterator()
                    .next());
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void stop(BundleContext context) {
        if (holdsOn && held != null) {
            held.load().end();
            held.region().close();
        }
        tracker.close();
    }
}
