// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import java.util.Arrays;
import javax.inject.Inject;
import org.junit.Rule;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.util.tracker.ServiceTracker;
import org.vellum.api.RegionManager;

/** What tests in a Felix of their own begin with, and how they get at bundles and services. */
public abstract class FelixTest {
    private static final long PATIENCE_MILLISECONDS = 200_000;

    @Rule
    public final QuietLog log = new QuietLog();

    @Inject
    protected BundleContext context;

    @Inject
    protected ConfigurationAdmin configurations;

    @Configuration
    public Option[] container() {
        return Container.with(Container.newFolder());
    }

    protected void startAllBundles() throws BundleException {
        for (Bundle bundle : context.getBundles()) {
            if (bundle.getSymbolicName().startsWith("org.vellum.")) {
                bundle.start();
            }
        }
    }

    protected Bundle bundle(String name) {
        return Arrays.stream(context.getBundles())
                .filter(bundle -> bundle.getSymbolicName().equals(name))
                .findFirst()
                .orElseThrow();
    }

    protected <T> T await(Class<T> type, String property) throws Exception {
        String filter = "(&(objectClass=" + type.getName() + ")" + (property == null ? "" : property) + ")";
        ServiceTracker<T, T> tracker = new ServiceTracker<>(context, context.createFilter(filter), null);
        tracker.open();
        try {
            if (tracker.waitForService(PATIENCE_MILLISECONDS) == null) {
                throw new AssertionError("no service " + filter);
            }
            return context.getService(tracker.getServiceReference());
        } finally {
            tracker.close();
        }
    }

    protected RegionManager regions() throws Exception {
        return await(RegionManager.class, null);
    }
}
