// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.wiring.BundleWiring;
import org.osgi.framework.wiring.FrameworkWiring;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;

/**
 * The providers that there were when the process began, and their bundles: a plan's numbers mean the same ones however
 * many are there at the moment. Used by one thread.
 */
final class ProviderBundles {
    private static final long REFRESH_SECONDS = 20;

    private record Provider(String name, Bundle bundle) {}

    private final BundleContext context;
    private final Map<String, List<Provider>> axes = new LinkedHashMap<>();
    /** Of every class loader that a provider's bundle has had. */
    private final List<WeakReference<ClassLoader>> loaders = new ArrayList<>();

    ProviderBundles(BundleContext context) {
        this.context = context;
        axes.put("vmm", find(Vmm.class, Vmm.PROPERTY));
        axes.put("pagetable", find(PageTable.class, PageTable.PROPERTY));
        axes.put("strategy", find(Strategy.class, Strategy.PROPERTY));
        axes.put("store", find(Store.class, Store.PROPERTY));
        axes.values().forEach(providers -> providers.forEach(provider -> note(provider.bundle())));
    }

    private <T> List<Provider> find(Class<T> type, String property) {
        try {
            List<Provider> found = new ArrayList<>();
            for (ServiceReference<T> service : context.getServiceReferences(type, null)) {
                found.add(new Provider(String.valueOf(service.getProperty(property)), service.getBundle()));
            }
            found.sort(Comparator.comparing(Provider::name));
            return found;
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The names of an axis, in order. */
    List<String> names(String axis) {
        return axes.get(axis).stream().map(Provider::name).toList();
    }

    Bundle bundle(String axis, int number) {
        List<Provider> providers = axes.get(axis);
        return providers.get(number % providers.size()).bundle();
    }

    void update(Bundle bundle) throws BundleException {
        bundle.update();
        note(bundle);
    }

    /** Returns when it is done, which the framework does on a thread of its own. */
    void refresh(Bundle bundle) throws BundleException, InterruptedException {
        CountDownLatch done = new CountDownLatch(1);
        context.getBundle(0).adapt(FrameworkWiring.class).refreshBundles(List.of(bundle), event -> {
            if (event.getType() == FrameworkEvent.PACKAGES_REFRESHED) {
                done.countDown();
            }
        });
        if (!done.await(REFRESH_SECONDS, TimeUnit.SECONDS)) {
            throw new BundleException(bundle + " is not refreshed after " + REFRESH_SECONDS + " s");
        }
        note(bundle);
    }

    private void note(Bundle bundle) {
        ClassLoader loader = bundle.adapt(BundleWiring.class).getClassLoader();
        loaders.removeIf(reference -> reference.get() == null);
        if (loaders.stream().noneMatch(reference -> reference.get() == loader)) {
            loaders.add(new WeakReference<>(loader));
        }
    }

    /** How many of the class loaders are still there: after a garbage collection, one a bundle if none leaks. */
    long classLoaders() {
        return loaders.stream().filter(reference -> reference.get() != null).count();
    }
}
