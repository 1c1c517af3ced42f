// SPDX-License-Identifier: Apache-2.0
package org.vellum.standalone;

import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.launch.Framework;

/**
 * Stops the framework, bundle by bundle, when the JVM ends: at SIGTERM, SIGINT or {@link System#exit}. bnd's launcher, which
 * the executable jar is started by, ends without; Felix's own, Karaf's and Vellum's do it themselves.
 */
public final class StopAtExit implements BundleActivator {
    private static final long PATIENCE_SECONDS = 60;

    private @Nullable Thread hook;

    @Override
    public void start(BundleContext context) {
        Framework framework =
                context.getBundle(Constants.SYSTEM_BUNDLE_LOCATION).adapt(Framework.class);
        hook = new Thread(() -> stop(framework), "framework shutdown");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private static void stop(Framework framework) {
        try {
            framework.stop();
            if (framework
                            .waitForStop(TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS))
                            .getType()
                    == FrameworkEvent.WAIT_TIMEDOUT) {
                System.err.println("vellum: the framework has not stopped within " + PATIENCE_SECONDS + " s");
            }
        } catch (BundleException e) {
            System.err.println("vellum: the framework does not stop: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void stop(BundleContext context) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the JVM is ending: the hook is what stops us
        }
    }
}
