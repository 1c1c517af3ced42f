// SPDX-License-Identifier: Apache-2.0
package org.vellum.storm.driver;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.osgi.framework.wiring.BundleWiring;

/** Every class loader that the bundles of a framework have had, without holding any. */
final class ClassLoaders {
    private static final long PATIENCE_SECONDS = 45;

    private final Embedded framework;
    private final Map<String, List<WeakReference<ClassLoader>>> loaders = new HashMap<>();

    ClassLoaders(Embedded framework) {
        this.framework = framework;
    }

    /** Remembers the class loaders of the bundles that are there now. */
    void note() {
        framework.bundles().forEach((name, bundle) -> {
            BundleWiring wiring = bundle.adapt(BundleWiring.class);
            ClassLoader loader = wiring == null ? null : wiring.getClassLoader();
            List<WeakReference<ClassLoader>> known = loaders.computeIfAbsent(name, key -> new ArrayList<>());
            known.removeIf(reference -> reference.get() == null);
            if (loader != null && known.stream().noneMatch(reference -> reference.get() == loader)) {
                known.add(new WeakReference<>(loader));
            }
        });
    }

    /** By bundle, how many of its class loaders but the present one are still held, after a while in which they may go. */
    Map<String, Long> held() throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        Map<String, Long> held;
        do {
            System.gc();
            Thread.sleep(100);
            held = new TreeMap<>();
            for (Map.Entry<String, List<WeakReference<ClassLoader>>> entry : loaders.entrySet()) {
                long more = entry.getValue().stream()
                                .filter(reference -> reference.get() != null)
                                .count()
                        - 1;
                if (more > 0) {
                    held.put(entry.getKey(), more);
                }
            }
        } while (!held.isEmpty() && System.nanoTime() < deadline);
        return held;
    }
}
