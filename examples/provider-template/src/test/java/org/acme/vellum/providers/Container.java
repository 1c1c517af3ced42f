// SPDX-License-Identifier: Apache-2.0
package org.acme.vellum.providers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
import org.osgi.framework.ServiceReference;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.launch.FrameworkFactory;

/**
 * A Felix in this JVM with Vellum's bundles and this project's. The packages of {@code org.vellum.api} come from the class path,
 * so that the test and the bundles share their types; all else is as in any container.
 */
final class Container implements AutoCloseable {
    private static final Path BUNDLES = Path.of(System.getProperty("acme.bundles"));
    private static final String API = "org.vellum.api.jar";
    private static final long PATIENCE = 60_000;

    private final Framework framework;

    Container(Path storage, Map<String, String> properties) throws IOException, BundleException {
        Map<String, String> all = new HashMap<>(properties);
        all.put(Constants.FRAMEWORK_STORAGE, storage.toString());
        try (JarFile api = new JarFile(BUNDLES.resolve(API).toFile())) {
            all.put(
                    Constants.FRAMEWORK_SYSTEMPACKAGES_EXTRA,
                    api.getManifest().getMainAttributes().getValue(Constants.EXPORT_PACKAGE));
        }
        framework = ServiceLoader.load(FrameworkFactory.class)
                .findFirst()
                .orElseThrow()
                .newFramework(all);
        framework.start();
        List<Path> jars = new ArrayList<>(List.of(Path.of(System.getProperty("acme.providers"))));
        try (Stream<Path> list = Files.list(BUNDLES)) {
            list.filter(jar -> !jar.endsWith(API)).forEach(jars::add);
        }
        List<Bundle> installed = new ArrayList<>();
        for (Path jar : jars) {
            installed.add(context().installBundle(jar.toUri().toString()));
        }
        for (Bundle bundle : installed) {
            bundle.start();
        }
    }

    BundleContext context() {
        return framework.getBundleContext();
    }

    /** The service, as soon as it is there; by a filter or null. */
    <T> T service(Class<T> type, String filter) throws Exception {
        for (long end = System.currentTimeMillis() + PATIENCE; System.currentTimeMillis() < end; Thread.sleep(20)) {
            for (ServiceReference<T> reference : context().getServiceReferences(type, filter)) {
                T service = context().getService(reference);
                if (service != null) {
                    return service;
                }
            }
        }
        throw new AssertionError("no service " + type.getName() + (filter == null ? "" : " " + filter));
    }

    @Override
    public void close() throws Exception {
        framework.stop();
        if (framework.waitForStop(PATIENCE).getType() != FrameworkEvent.STOPPED) {
            throw new AssertionError("the framework did not stop");
        }
    }
}
