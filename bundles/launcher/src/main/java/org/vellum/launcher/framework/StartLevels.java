// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.osgi.framework.Bundle;
import org.osgi.framework.startlevel.BundleStartLevel;
import org.osgi.framework.wiring.BundleCapability;
import org.osgi.framework.wiring.BundleRevision;
import org.osgi.framework.wiring.BundleWiring;
import org.osgi.framework.wiring.FrameworkWiring;

/**
 * Start levels by which a framework that stops takes users of regions first, then the runtime, then what that rests on. They
 * say nothing about the order in which bundles are started: that is the order in which they are named.
 */
final class StartLevels {
    /** What the runtime and its providers rest on, they themselves, and the OSGi services. */
    static final int FOUNDATION = 1;

    static final int RUNTIME = 2;
    /** Everything else. */
    static final int USERS = 3;

    private static final String IMPLEMENTATION = "osgi.implementation";
    private static final String RUNTIME_NAME = "org.vellum";
    private static final String PROVIDER = "org.vellum.provider";
    private static final String SERVICE = "osgi.service";
    private static final String OSGI_SERVICES = "org.osgi.service.";

    private StartLevels() {}

    /** Gives each its level; those that can be resolved are. */
    static void assign(Bundle system, List<Bundle> bundles) {
        system.adapt(FrameworkWiring.class).resolveBundles(bundles);
        Set<Bundle> foundation = foundation(bundles);
        for (Bundle bundle : bundles) {
            int level = isRuntime(bundle) ? RUNTIME : foundation.contains(bundle) ? FOUNDATION : USERS;
            bundle.adapt(BundleStartLevel.class).setStartLevel(level);
        }
    }

    private static Set<Bundle> foundation(List<Bundle> bundles) {
        Deque<Bundle> open = new ArrayDeque<>(bundles.stream()
                .filter(bundle -> isRuntime(bundle) || isFoundation(bundle))
                .toList());
        Set<Bundle> found = new HashSet<>();
        while (!open.isEmpty()) {
            Bundle bundle = open.remove();
            BundleWiring wiring = bundle.adapt(BundleWiring.class);
            if (found.add(bundle) && wiring != null) {
                wiring.getRequiredWires(null)
                        .forEach(wire -> open.add(wire.getProvider().getBundle()));
            }
        }
        return found;
    }

    private static boolean isRuntime(Bundle bundle) {
        return capabilities(bundle, IMPLEMENTATION)
                .anyMatch(capability ->
                        RUNTIME_NAME.equals(capability.getAttributes().get(IMPLEMENTATION)));
    }

    private static boolean isFoundation(Bundle bundle) {
        return capabilities(bundle, PROVIDER).findAny().isPresent()
                || capabilities(bundle, SERVICE)
                        .anyMatch(capability -> capability.getAttributes().get("objectClass")
                                        instanceof Collection<?> types
                                && types.stream()
                                        .anyMatch(type -> type.toString().startsWith(OSGI_SERVICES)));
    }

    private static Stream<BundleCapability> capabilities(Bundle bundle, String namespace) {
        return bundle.adapt(BundleRevision.class).getDeclaredCapabilities(namespace).stream();
    }
}
