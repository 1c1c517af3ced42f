// SPDX-License-Identifier: Apache-2.0
package org.vellum.jmx;

import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import javax.management.StandardMBean;
import org.jspecify.annotations.Nullable;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.event.Event;
import org.osgi.service.event.EventHandler;
import org.osgi.service.event.propertytypes.EventTopics;
import org.vellum.api.Region;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionManager;

/**
 * Registers an MXBean for each open region, and one for all, with the platform's MBean server. An event only says that it is time to compare
 * the beans with the regions there are, so that one that comes late, or twice, does no harm.
 */
@Component(service = EventHandler.class, immediate = true)
@EventTopics({RegionEvents.OPENED, RegionEvents.CLOSED})
public final class RegionBeans implements EventHandler {
    private static final System.Logger LOGGER = System.getLogger(RegionBeans.class.getName());

    private final RegionManager regions;
    private final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
    /** The regions that have a bean. Guarded by this object's monitor. */
    private final Map<Region, ObjectName> registered = new HashMap<>();
    /** Guarded by this object's monitor. */
    private boolean stopped;
    /** Of all regions; null when it could not be registered. Guarded by this object's monitor. */
    private @Nullable ObjectName all;

    @Activate
    public RegionBeans(@Reference RegionManager regions) {
        this.regions = regions;
        registerAll();
        follow();
    }

    @Override
    public void handleEvent(Event event) {
        follow();
    }

    private synchronized void follow() {
        if (stopped) {
            return;
        }
        Set<Region> open = new HashSet<>(regions.regions());
        // those that are gone first: a region that was opened again takes their name
        for (Region region : Set.copyOf(registered.keySet())) {
            if (!open.contains(region)) {
                unregister(region);
            }
        }
        open.stream().filter(region -> !registered.containsKey(region)).forEach(this::register);
    }

    private synchronized void registerAll() {
        try {
            ObjectName name = new ObjectName("org.vellum:type=Regions");
            server.registerMBean(new StandardMBean(new RegionsBean(regions), RegionsMXBean.class, true), name);
            all = name;
        } catch (JMException e) {
            LOGGER.log(System.Logger.Level.WARNING, "regions have no MXBean", e);
        }
    }

    private void register(Region region) {
        try {
            ObjectName name = new ObjectName("org.vellum:type=Region,name=" + region.name());
            server.registerMBean(new StandardMBean(new RegionBean(region), RegionMXBean.class, true), name);
            registered.put(region, name);
        } catch (JMException e) {
            LOGGER.log(System.Logger.Level.WARNING, "region '" + region.name() + "' has no MXBean", e);
        }
    }

    private void unregister(Region region) {
        ObjectName name = registered.remove(region);
        if (name != null) {
            unregister(name);
        }
    }

    private void unregister(ObjectName name) {
        try {
            server.unregisterMBean(name);
        } catch (JMException e) {
            LOGGER.log(System.Logger.Level.WARNING, name + " was not unregistered", e);
        }
    }

    @Deactivate
    public synchronized void stop() {
        stopped = true;
        Set.copyOf(registered.keySet()).forEach(this::unregister);
        if (all != null) {
            unregister(all);
        }
    }
}
