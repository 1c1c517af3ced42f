// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.orderbook;

import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.osgi.util.tracker.ServiceTracker;
import org.osgi.util.tracker.ServiceTrackerCustomizer;
import org.vellum.api.RegionManager;
import org.vellum.api.RequireVellum;

/**
 * Plain OSGi, without Declarative Services: offers the application {@code order-book} as long as there is a region
 * manager. Letting go of the manager closes what was opened through it.
 */
@RequireVellum
public final class Activator
        implements BundleActivator, ServiceTrackerCustomizer<RegionManager, ServiceRegistration<?>> {
    private BundleContext context;
    private ServiceTracker<RegionManager, ServiceRegistration<?>> tracker;

    @Override
    public void start(BundleContext bundleContext) {
        context = bundleContext;
        tracker = new ServiceTracker<>(bundleContext, RegionManager.class, this);
        tracker.open();
    }

    @Override
    public void stop(BundleContext bundleContext) {
        tracker.close();
    }

    @Override
    public ServiceRegistration<?> addingService(ServiceReference<RegionManager> reference) {
        ToIntFunction<List<String>> application = new OrderBookApplication(context.getService(reference));
        return context.registerService(
                ToIntFunction.class, application, new Hashtable<>(Map.of("vellum.application", "order-book")));
    }

    @Override
    public void modifiedService(ServiceReference<RegionManager> reference, ServiceRegistration<?> registration) {
        // its properties do not matter
    }

    @Override
    public void removedService(ServiceReference<RegionManager> reference, ServiceRegistration<?> registration) {
        registration.unregister();
        context.ungetService(reference);
    }
}
