// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.io.IOException;
import java.util.Collection;
import java.util.Hashtable;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.service.cm.Configuration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;

/** The region on which stalls are measured: one that a configuration asks for, so that its configuration can change. */
final class MeteredRegion {
    private static final String NAME = "metered";
    /** Passed on to the region's service: shows which change the region has followed. */
    private static final String CHANGE = "soak.change";

    private static final long POLL_NANOSECONDS = 200_000;

    private final BundleContext context;
    private final RegionOptions options;
    private final Configuration configuration;
    private int change;

    /** Opens it, with options like another one's. */
    MeteredRegion(BundleContext context, ConfigurationAdmin configurations, RegionOptions options) {
        this.context = context;
        this.options = options;
        try {
            configuration = configurations.getFactoryConfiguration(RegionManager.CONFIGURATION_PID, NAME, "?");
        } catch (IOException e) {
            throw new IllegalStateException("no configuration for the region '" + NAME + "': " + e, e);
        }
        select(options.vmm(), options.pageTable(), options.strategy());
    }

    Region region() {
        return context.getService(service());
    }

    /** Changes the selectors in the configuration, and returns when the region has followed. */
    void select(String vmm, String pageTable, String strategy) {
        change++;
        try {
            configuration.update(new Hashtable<>(Map.of(
                    "size",
                    Long.toString(options.size()),
                    "logSize",
                    Long.toString(options.logSize()),
                    "directory",
                    options.directory().orElseThrow().toString(),
                    "vmm",
                    vmm,
                    "pagetable",
                    pageTable,
                    "strategy",
                    strategy,
                    "store",
                    options.store(),
                    CHANGE,
                    change)));
        } catch (IOException e) {
            throw new IllegalStateException("the configuration of '" + NAME + "' cannot be changed: " + e, e);
        }
        service();
    }

    /** Waits for the region as it is now configured; the watchdog sees to it that this ends. */
    private ServiceReference<Region> service() {
        String filter = "(&(" + Region.NAME_PROPERTY + "=" + NAME + ")(" + CHANGE + "=" + change + "))";
        while (true) {
            Collection<ServiceReference<Region>> found;
            try {
                found = context.getServiceReferences(Region.class, filter);
            } catch (InvalidSyntaxException e) {
                throw new IllegalStateException(e);
            }
            if (!found.isEmpty()) {
                return found.iterator().next();
            }
            LockSupport.parkNanos(POLL_NANOSECONDS);
        }
    }
}
