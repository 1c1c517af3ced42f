// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.tool;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.launch.FrameworkFactory;
import org.osgi.util.tracker.ServiceTracker;
import org.vellum.api.RegionManager;

/**
 * The real bundles in a Felix embedded in this JVM. The application interfaces come from the class path, so that the
 * test and the bundles share them; everything else is found as in any framework.
 */
public final class Stack implements AutoCloseable {
    /** Packages that the test sees with the framework's eyes, beside those of the api. */
    private static final String SHARED_PACKAGES = String.join(
            ",",
            "org.osgi.service.cm;version=1.6.1",
            "org.osgi.service.event;version=1.4.1",
            "org.osgi.service.log;version=1.5.0");

    private static final String API = "org.vellum.api.jar";

    private static final Duration PATIENCE = Duration.ofMinutes(10);

    private final Framework framework;
    private final Path storage;

    private Stack(Framework framework, Path storage) {
        this.framework = framework;
        this.storage = storage;
    }

    /** Starts a framework with all bundles and waits until regions can be opened. */
    public static Stack start() {
        return start(Map.of());
    }

    /** As {@link #start()}; the store {@code dax} takes folders that are not on persistent memory. */
    public static Stack startEmulatingDax() {
        return start(Map.of("vellum.dax.emulate", "true"));
    }

    private static Stack start(Map<String, String> properties) {
        try {
            Path storage = Files.createTempDirectory("vellum-framework");
            Map<String, String> configuration = new HashMap<>(properties);
            configuration.put(Constants.FRAMEWORK_STORAGE, storage.toString());
            configuration.put(Constants.FRAMEWORK_SYSTEMPACKAGES_EXTRA, SHARED_PACKAGES + "," + packagesOfApi());
            Framework framework = ServiceLoader.load(FrameworkFactory.class)
                    .findFirst()
                    .orElseThrow()
                    .newFramework(configuration);
            Stack stack = new Stack(framework, storage);
            try {
                stack.startBundles();
                return stack;
            } catch (BundleException | RuntimeException | AssertionError e) {
                stack.close();
                throw e;
            }
        } catch (IOException | BundleException e) {
            throw new IllegalStateException("the framework under test does not start: " + e.getMessage(), e);
        }
    }

    private void startBundles() throws BundleException, IOException {
        framework.start();
        List<Bundle> installed = new ArrayList<>();
        for (Path jar : bundles()) {
            installed.add(context().installBundle("reference:" + jar.toUri()));
        }
        for (Bundle bundle : installed) {
            bundle.start();
        }
        regions();
    }

    private static String packagesOfApi() throws IOException {
        try (JarFile api = new JarFile(
                Path.of(System.getProperty("vellum.test.bundles"), API).toFile())) {
            return api.getManifest().getMainAttributes().getValue(Constants.EXPORT_PACKAGE);
        }
    }

    private static List<Path> bundles() throws IOException {
        try (Stream<Path> jars = Files.list(Path.of(System.getProperty("vellum.test.bundles")))) {
            return jars.filter(jar -> !jar.endsWith(API)).sorted().toList();
        }
    }

    /** The manager of this framework. */
    public RegionManager regions() {
        return service(RegionManager.class);
    }

    /** The service of this type, as soon as there is one; in use until the framework stops. */
    public <T> T service(Class<T> type) {
        ServiceTracker<T, T> tracker = new ServiceTracker<>(context(), type, null);
        tracker.open();
        try {
            if (tracker.waitForService(PATIENCE.toMillis()) == null) {
                throw new AssertionError("no " + type.getName() + " after " + PATIENCE.toSeconds() + " s");
            }
            // a use beyond the tracker's: a manager whose last use ends closes its regions
            return context().getService(tracker.getServiceReference());
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        } finally {
            tracker.close();
        }
    }

    public BundleContext context() {
        return framework.getBundleContext();
    }

    /** Stops the framework; every region of it is closed when this returns. */
    @Override
    public void close() {
        try {
            framework.stop();
            FrameworkEvent event = framework.waitForStop(PATIENCE.toMillis());
            if (event.getType() != FrameworkEvent.STOPPED) {
                throw new AssertionError("the framework did not stop: event " + event.getType());
            }
            Folders.delete(storage);
        } catch (BundleException | IOException | InterruptedException e) {
            throw new IllegalStateException("the framework under test does not stop", e);
        }
    }
}
