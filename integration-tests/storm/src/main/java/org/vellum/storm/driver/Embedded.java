// SPDX-License-Identifier: Apache-2.0
package org.vellum.storm.driver;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Hashtable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.launch.FrameworkFactory;
import org.osgi.framework.wiring.FrameworkWiring;
import org.vellum.storm.Notes;

/**
 * A framework in this process, whichever is on the class path, as a stranger would embed it: bundles in the order in which
 * they are named, no start levels, no extra packages.
 */
public final class Embedded {
    /** A refresh or a stop that takes longer never ends. */
    private static final long PATIENCE_SECONDS = 120;

    private final Framework framework;
    private final Map<String, Bundle> bundles = new LinkedHashMap<>();
    private final ConcurrentMap<String, Object> notes = new ConcurrentHashMap<>();

    private Embedded(Framework framework) {
        this.framework = framework;
    }

    /**
     * Starts the framework alone.
     *
     * @param folder gets its cache, and the regions
     * @param properties beside those that every framework gets
     */
    public static Embedded start(Path folder, Map<String, String> properties) throws BundleException {
        Map<String, String> all = new HashMap<>(Map.of(
                Constants.FRAMEWORK_STORAGE,
                folder.resolve("cache").toString(),
                Constants.FRAMEWORK_STORAGE_CLEAN,
                Constants.FRAMEWORK_STORAGE_CLEAN_ONFIRSTINIT,
                "vellum.directory",
                folder.resolve("regions").toString(),
                // Config Admin keeps its own in its data folder, which goes with the bundle when it is uninstalled
                "felix.cm.dir",
                folder.resolve("configurations").toString()));
        all.putAll(properties);
        Framework framework = ServiceLoader.load(FrameworkFactory.class)
                .findFirst()
                .orElseThrow()
                .newFramework(all);
        Embedded embedded = new Embedded(framework);
        framework.start();
        framework
                .getBundleContext()
                .registerService(ConcurrentMap.class, embedded.notes, new Hashtable<>(Map.of(Notes.PROPERTY, "true")));
        return embedded;
    }

    /** The jars of a folder, in order of their names. */
    public static List<Path> jars(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".jar"))
                    .sorted()
                    .toList();
        }
    }

    /** Installs them all and then starts them all, in this order. */
    public void install(List<Path> jars) throws BundleException {
        List<Bundle> installed = new ArrayList<>();
        for (Path jar : jars) {
            installed.add(framework.getBundleContext().installBundle(jar.toUri().toString()));
        }
        for (Bundle bundle : installed) {
            bundles.put(bundle.getSymbolicName(), bundle);
        }
        for (Bundle bundle : installed) {
            bundle.start();
        }
    }

    public String name() {
        return framework.getSymbolicName() + " " + framework.getVersion();
    }

    /** By symbolic name, in the order of installation. */
    public Map<String, Bundle> bundles() {
        return bundles;
    }

    public Bundle bundle(String name) {
        return bundles.get(name);
    }

    /** Installs the bundle of this name again and starts it, after it was uninstalled. */
    public void reinstall(String name) throws BundleException {
        Bundle bundle =
                framework.getBundleContext().installBundle(bundles.get(name).getLocation());
        bundles.put(name, bundle);
        bundle.start();
    }

    public Notes notes(String user) {
        return new Notes(user, notes);
    }

    /** What an update or an uninstallation left to be refreshed. */
    public Collection<Bundle> removalPending() {
        return framework.adapt(FrameworkWiring.class).getRemovalPendingBundles();
    }

    /**
     * Returns when it is done.
     *
     * @param targets null: what updates and uninstallations left
     */
    public void refresh(Collection<Bundle> targets) throws InterruptedException {
        CountDownLatch done = new CountDownLatch(1);
        framework.adapt(FrameworkWiring.class).refreshBundles(targets, event -> {
            if (event.getType() == FrameworkEvent.PACKAGES_REFRESHED) {
                done.countDown();
            }
        });
        if (!done.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException("a refresh does not end in " + PATIENCE_SECONDS + " s");
        }
    }

    /** The service, or null; nobody lets go of it, since the system bundle may. */
    public Object service(String type) {
        ServiceReference<?> reference = framework.getBundleContext().getServiceReference(type);
        return reference == null ? null : framework.getBundleContext().getService(reference);
    }

    public boolean hasService(String type, String filter) throws InvalidSyntaxException {
        ServiceReference<?>[] references = framework.getBundleContext().getAllServiceReferences(type, filter);
        return references != null && references.length > 0;
    }

    /** Makes or changes the configuration of the region {@code name}; does nothing without a Config Admin. */
    public void configure(String name, Map<String, String> properties) throws ReflectiveOperationException {
        Object admin = service("org.osgi.service.cm.ConfigurationAdmin");
        if (admin != null) {
            Object configuration = call(admin, "getFactoryConfiguration", "org.vellum.region", name, "?");
            call(configuration, "update", new Hashtable<>(properties));
        }
    }

    /** Calls a method of this name with as many parameters: the types are of bundles that come and go. */
    public static Object call(Object target, String method, Object... arguments) throws ReflectiveOperationException {
        Method found = Arrays.stream(target.getClass().getMethods())
                .filter(candidate ->
                        candidate.getName().equals(method) && candidate.getParameterCount() == arguments.length)
                .findFirst()
                .orElseThrow(() -> new NoSuchMethodException(target.getClass() + "." + method));
        found.setAccessible(true);
        return found.invoke(target, arguments);
    }

    /** As {@link #call}, for calls that may be refused. */
    static String attempt(Object target, String method, Object... arguments) {
        try {
            return String.valueOf(call(target, method, arguments));
        } catch (InvocationTargetException e) {
            return String.valueOf(e.getCause());
        } catch (ReflectiveOperationException e) {
            return e.toString();
        }
    }

    /** Stops the framework; returns when it has stopped. */
    public void stop() throws BundleException, InterruptedException {
        framework.stop();
        FrameworkEvent end = framework.waitForStop(TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
        if (end.getType() == FrameworkEvent.WAIT_TIMEDOUT) {
            throw new IllegalStateException("the framework does not stop in " + PATIENCE_SECONDS + " s");
        }
    }
}
