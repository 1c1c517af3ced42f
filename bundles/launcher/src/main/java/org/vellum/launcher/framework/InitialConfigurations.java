// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.io.IOException;
import java.util.Dictionary;
import java.util.Map;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.service.cm.Configuration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.util.tracker.ServiceTracker;
import org.osgi.util.tracker.ServiceTrackerCustomizer;
import org.vellum.launcher.command.CommandFailure;

/** Makes configurations as soon as there is a Config Admin, on the thread that starts it. */
final class InitialConfigurations
        implements AutoCloseable, ServiceTrackerCustomizer<ConfigurationAdmin, ConfigurationAdmin> {
    private final BundleContext context;
    private final Map<String, Dictionary<String, Object>> configurations;
    private final ServiceTracker<ConfigurationAdmin, ConfigurationAdmin> tracker;
    /** What went wrong; a tracker's callback cannot throw it to whom it concerns. */
    private volatile CommandFailure failure;

    InitialConfigurations(BundleContext context, Map<String, Dictionary<String, Object>> configurations) {
        this.context = context;
        this.configurations = configurations;
        this.tracker = new ServiceTracker<>(context, ConfigurationAdmin.class, this);
        tracker.open();
    }

    @Override
    public ConfigurationAdmin addingService(ServiceReference<ConfigurationAdmin> reference) {
        ConfigurationAdmin admin = context.getService(reference);
        configurations.forEach((pid, properties) -> make(admin, pid, properties));
        return admin;
    }

    private void make(ConfigurationAdmin admin, String pid, Dictionary<String, Object> properties) {
        try {
            int end = pid.indexOf('~');
            Configuration configuration = end < 0
                    ? admin.getConfiguration(pid, "?")
                    : admin.getFactoryConfiguration(pid.substring(0, end), pid.substring(end + 1), "?");
            configuration.update(properties);
        } catch (IOException | RuntimeException e) {
            failure = new CommandFailure("configuration " + pid + " cannot be made: " + e, e);
        }
    }

    /**
     * Called when every bundle is started.
     *
     * @throws CommandFailure there are configurations and no Config Admin took them
     */
    void requireMade() {
        if (failure != null) {
            throw failure;
        }
        if (!configurations.isEmpty() && tracker.isEmpty()) {
            throw new CommandFailure("there are configurations (" + String.join(", ", configurations.keySet())
                    + ") and no Config Admin to take them: add its bundle, such as org.apache.felix.configadmin");
        }
    }

    @Override
    public void modifiedService(ServiceReference<ConfigurationAdmin> reference, ConfigurationAdmin admin) {
        // its properties do not matter
    }

    @Override
    public void removedService(ServiceReference<ConfigurationAdmin> reference, ConfigurationAdmin admin) {
        context.ungetService(reference);
    }

    @Override
    public void close() {
        try {
            tracker.close();
        } catch (IllegalStateException e) {
            // the framework was stopped, and with it the tracker's use of services
        }
    }
}
