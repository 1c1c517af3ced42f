// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import java.lang.System.Logger.Level;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.osgi.framework.Bundle;
import org.osgi.framework.wiring.BundleWire;
import org.osgi.framework.wiring.BundleWiring;
import org.osgi.framework.wiring.FrameworkWiring;

/**
 * The refresh of bundles that the calling thread is in, if it is in one.
 *
 * <p>The OSGi API tells of a refresh only when it is over, and what it includes only if it was caused by an update or an uninstallation.
 * Equinox and Felix know more: Equinox has locked every bundle of the refresh for it before it stops the first (its class
 * {@code Module} is API, exported by the framework); Felix keeps the request in a list. Another framework, or another
 * release of these two that has changed this, is asked by the OSGi API alone.
 */
final class FrameworkRefresh {
    private static final System.Logger LOGGER = System.getLogger(FrameworkRefresh.class.getName());

    private static final String REFRESH = "refresh";

    private final Bundle system;

    FrameworkRefresh(Bundle system) {
        this.system = system;
    }

    /** Whether the framework, by a method that is called refresh…, has called this thread's code. */
    boolean isUnderWay() {
        ClassLoader framework = system.getClass().getClassLoader();
        return StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE)
                .walk(frames -> frames.anyMatch(frame -> frame.getMethodName().startsWith(REFRESH)
                        && !frame.getDeclaringClass().equals(FrameworkRefresh.class)
                        && frame.getDeclaringClass().getClassLoader() == framework));
    }

    /** Whether it stops this bundle too; of use if {@link #isUnderWay()}. */
    boolean includes(Bundle bundle) {
        try {
            switch (String.valueOf(system.getSymbolicName())) {
                case "org.eclipse.osgi":
                    return equinoxHasLocked(bundle);
                case "org.apache.felix.framework":
                    Collection<Bundle> request = felixRequest();
                    return request == null
                            ? restsOnWhatIsGone(bundle)
                            : system.adapt(FrameworkWiring.class)
                                    .getDependencyClosure(request)
                                    .contains(bundle);
                default:
                    break;
            }
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOGGER.log(Level.DEBUG, "this framework does not tell what it refreshes", e);
        }
        return restsOnWhatIsGone(bundle);
    }

    @SuppressWarnings("unchecked") // Enum.valueOf wants a type
    private boolean equinoxHasLocked(Bundle bundle) throws ReflectiveOperationException {
        ClassLoader framework = system.getClass().getClassLoader();
        Class<?> type = Class.forName("org.eclipse.osgi.container.Module", true, framework);
        Class<?> event =
                Class.forName("org.eclipse.osgi.container.ModuleContainerAdaptor$ModuleEvent", true, framework);
        Method holds = type.getMethod("holdsTransitionEventLock", event);
        Object unresolved = Enum.valueOf(event.asSubclass(Enum.class), "UNRESOLVED");
        return (boolean) holds.invoke(bundle.adapt(type), unresolved);
    }

    /** The bundles asked for; null: those that an update or an uninstallation left behind. */
    @SuppressWarnings("unchecked") // of the field, whose type is this
    private Collection<Bundle> felixRequest() throws ReflectiveOperationException {
        FrameworkWiring wiring = system.adapt(FrameworkWiring.class);
        Field field = wiring.getClass().getDeclaredField("m_requests");
        field.setAccessible(true);
        List<Collection<Bundle>> requests = (List<Collection<Bundle>>) field.get(wiring);
        synchronized (requests) { // as Felix itself does; the first is removed when it is done
            return requests.isEmpty() ? null : requests.get(0);
        }
    }

    /**
     * Whether it, or what it rests on, was updated or uninstalled, and it is still wired to the old. Not asked of the framework's list
     * of these: Felix takes what was uninstalled from it before it stops the first bundle.
     */
    private static boolean restsOnWhatIsGone(Bundle bundle) {
        Set<BundleWiring> seen = new HashSet<>();
        Deque<BundleWiring> open = new ArrayDeque<>();
        open.add(bundle.adapt(BundleWiring.class));
        while (!open.isEmpty()) {
            BundleWiring wiring = open.remove();
            if (!wiring.isCurrent()) {
                return true;
            }
            List<BundleWire> wires = seen.add(wiring) ? wiring.getRequiredWires(null) : null;
            if (wires != null) {
                wires.stream()
                        .map(BundleWire::getProviderWiring)
                        .filter(Objects::nonNull)
                        .forEach(open::add);
            }
        }
        return false;
    }
}
