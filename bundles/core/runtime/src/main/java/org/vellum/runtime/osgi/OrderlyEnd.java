// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.FrameworkListener;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.osgi.framework.hooks.bundle.EventHook;
import org.osgi.framework.startlevel.BundleStartLevel;
import org.osgi.framework.wiring.BundleWire;
import org.osgi.framework.wiring.BundleWiring;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.nativelib.NativeCore;
import org.vellum.runtime.providers.Axis;

/**
 * Sees to it that those who use regions end first, while everything still works, so that they may commit once more.
 *
 * <p>A framework that stops, or refreshes some bundles, stops bundles in an order that has nothing to do with who uses
 * whom: of their start levels and of their installation, or in none at all (Felix, at a refresh). So before the first bundle
 * stops that regions rest on, their services are withdrawn: components that refer to them are deactivated, trackers let go
 * of them. A framework that stops would stop users that do neither, such as an activator with a region in a field,
 * after what they need; so they are stopped here, before, in the order the framework would take.
 *
 * <p>A provider that is stopped, updated or refreshed on its own is another matter: regions go on without it.
 *
 * <p>An event hook, and no listener, for hooks are called before all listeners: Declarative Services is one, and
 * deactivates the components of a bundle when it hears that it stops.
 */
final class OrderlyEnd implements EventHook, FrameworkListener, AutoCloseable {
    private static final System.Logger LOGGER = System.getLogger(OrderlyEnd.class.getName());

    private static final List<Class<?>> OFFERED = List.of(RegionManager.class, Region.class);
    private static final String EXTENDER = "osgi.extender";

    /** As the framework stops them. */
    private static final Comparator<Bundle> LAST_STARTED_FIRST = Comparator.<Bundle>comparingInt(
                    bundle -> bundle.adapt(BundleStartLevel.class).getStartLevel())
            .thenComparingLong(Bundle::getBundleId)
            .reversed();

    private final BundleContext context;
    private final Bundle own;
    private final Bundle system;
    private final FrameworkRefresh refresh;
    private final Runnable withdraw;
    private final Runnable offer;
    private final ServiceRegistration<EventHook> registration;

    /**
     * @param withdraw makes users let go; returns when they have; is called again and again
     * @param offer takes it back, if the runtime still runs
     */
    OrderlyEnd(BundleContext context, Runnable withdraw, Runnable offer) {
        this.context = context;
        this.own = context.getBundle();
        this.system = context.getBundle(Constants.SYSTEM_BUNDLE_LOCATION);
        this.refresh = new FrameworkRefresh(system);
        this.withdraw = withdraw;
        this.offer = offer;
        context.addFrameworkListener(this);
        registration = context.registerService(EventHook.class, this, null);
    }

    @Override
    public void close() {
        registration.unregister();
        context.removeFrameworkListener(this);
    }

    @Override
    public void event(BundleEvent event, Collection<BundleContext> contexts) {
        try {
            if (event.getType() == BundleEvent.STOPPING && !event.getBundle().equals(system)) {
                stopping(event.getBundle());
            } else if (event.getType() == BundleEvent.STARTED) {
                over();
            }
        } catch (IllegalStateException e) { // the runtime stops meanwhile, on another thread
            LOGGER.log(Level.DEBUG, "at the event " + event, e);
        }
    }

    private void stopping(Bundle bundle) {
        boolean frameworkStops = system.getState() == Bundle.STOPPING;
        if (!takesTheRuntimeAlong(bundle)) {
            if (!foundations().contains(bundle) || !(frameworkStops || runtimeFollows(bundle))) {
                return;
            }
        }
        if (frameworkStops) {
            stopUsers();
        }
        LOGGER.log(Level.DEBUG, "services are withdrawn before {0} stops", bundle);
        withdraw.run();
    }

    /** Whatever it is stopped for. */
    private boolean takesTheRuntimeAlong(Bundle bundle) {
        return bundle.equals(own) || bundle.equals(core()) || extenders(own).anyMatch(bundle::equals);
    }

    /**
     * Whether the bundle, one of the foundations, stops as one of many of which the runtime is another. So it is in a refresh
     * that includes the runtime, and when the start level is lowered below both; not when somebody
     * stops, updates or uninstalls just that bundle.
     */
    private boolean runtimeFollows(Bundle bundle) {
        if (refresh.isUnderWay()) {
            return refresh.includes(own);
        }
        BundleStartLevel level = bundle.adapt(BundleStartLevel.class);
        return level.isPersistentlyStarted()
                && !isReplaced()
                && own.adapt(BundleStartLevel.class).getStartLevel() >= level.getStartLevel();
    }

    /** Whether this thread is in {@link Bundle#update()} or {@link Bundle#uninstall()}, which stop a bundle as a part of it. */
    private static boolean isReplaced() {
        return StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE)
                .walk(frames -> frames.anyMatch(frame -> Bundle.class.isAssignableFrom(frame.getDeclaringClass())
                        && (frame.getMethodName().equals("update")
                                || frame.getMethodName().equals("uninstall"))));
    }

    /** What the runtime, the native core and the providers there are rest on, and they themselves. */
    private Set<Bundle> foundations() {
        Set<BundleWiring> found = new HashSet<>();
        Deque<BundleWiring> open = new ArrayDeque<>();
        Stream.concat(
                        Stream.of(own, core()),
                        Stream.of(Axis.values())
                                .map(Axis::service)
                                .flatMap(this::references)
                                .map(ServiceReference::getBundle))
                .filter(Objects::nonNull)
                .map(bundle -> bundle.adapt(BundleWiring.class))
                .filter(Objects::nonNull)
                .forEach(open::add);
        while (!open.isEmpty()) {
            BundleWiring wiring = open.remove();
            if (!wiring.getBundle().equals(system) && found.add(wiring)) {
                // of the wiring and not of its bundle, which may have been updated and not refreshed
                wires(wiring)
                        .map(BundleWire::getProviderWiring)
                        .filter(Objects::nonNull)
                        .forEach(open::add);
            }
        }
        return found.stream().map(BundleWiring::getBundle).collect(Collectors.toSet());
    }

    private static Stream<BundleWire> wires(BundleWiring wiring) {
        List<BundleWire> wires = wiring == null ? null : wiring.getRequiredWires(null);
        return wires == null ? Stream.empty() : wires.stream();
    }

    /** Declarative Services. */
    private static Stream<Bundle> extenders(Bundle bundle) {
        return wires(bundle.adapt(BundleWiring.class))
                .filter(wire -> wire.getRequirement().getNamespace().equals(EXTENDER))
                .map(wire -> wire.getProvider().getBundle());
    }

    private Bundle core() {
        return references(NativeCore.class)
                .map(ServiceReference::getBundle)
                .filter(Objects::nonNull)
                .findFirst()
                .orElse(null);
    }

    private Stream<ServiceReference<?>> references(Class<?> type) {
        try {
            ServiceReference<?>[] references = context.getServiceReferences(type.getName(), null);
            return references == null ? Stream.empty() : Arrays.stream(references);
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private void stopUsers() {
        Set<Bundle> foundations = foundations();
        OFFERED.stream()
                .flatMap(this::references)
                .map(ServiceReference::getUsingBundles)
                .filter(Objects::nonNull)
                .flatMap(Arrays::stream)
                .distinct()
                .filter(user -> !user.equals(system) && !foundations.contains(user))
                .filter(user -> (user.getState() & (Bundle.ACTIVE | Bundle.STARTING)) != 0)
                .sorted(LAST_STARTED_FIRST)
                .forEach(OrderlyEnd::stop);
    }

    private static void stop(Bundle user) {
        try {
            user.stop(Bundle.STOP_TRANSIENT);
        } catch (BundleException | IllegalStateException e) { // the framework stops it too, and tells what it meets
            LOGGER.log(Level.DEBUG, user + " is not stopped before what it uses", e);
        }
    }

    @Override
    public void frameworkEvent(FrameworkEvent event) {
        if (event.getType() == FrameworkEvent.PACKAGES_REFRESHED
                || event.getType() == FrameworkEvent.STARTLEVEL_CHANGED) {
            over();
        }
    }

    /** Whatever made services be withdrawn. If the runtime were to follow, it would have: the framework stops everything first. */
    private void over() {
        if (system.getState() != Bundle.STOPPING) {
            offer.run();
        }
    }
}
