// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import java.util.Dictionary;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.After;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.Bundle;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.event.Event;
import org.osgi.service.event.EventConstants;
import org.osgi.service.event.EventHandler;
import org.vellum.api.Region;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Vmm;
import org.vellum.test.consumer.Notebook;
import org.vellum.test.consumer.OrderBook;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotSame;
import static org.junit.Assert.assertTrue;

/** Regions as bundles in Felix meet them: by reference, by configuration, across bundles that come and go. */
@RunWith(ContainerRunner.class)
@ExamReactorStrategy(PerClass.class)
public class RegionsInFelixIT extends FelixTest {
    /** On the host's providers, for a test that stops one: auto would take the guest's, where they work. */
    private static final RegionOptions SMALL = RegionOptions.size("1 MiB").withVmm("host");

    private static final long PATIENCE_MILLISECONDS = 200_000;

    @After
    public void startAllBundlesAndDeleteConfigurations() throws Exception {
        startAllBundles();
        var left = configurations.listConfigurations("(service.factoryPid=" + RegionManager.CONFIGURATION_PID + ")");
        if (left != null) {
            for (var configuration : left) {
                configuration.delete();
            }
        }
        await(Notebook.class, null);
        Await.until("no region is open", () -> regions().regions().isEmpty());
    }

    private <T> boolean isThere(Class<T> type, String property) throws Exception {
        return !context.getServiceReferences(type, property).isEmpty();
    }

    private org.osgi.service.cm.Configuration configure(String name, String size) throws Exception {
        var configuration = configurations.getFactoryConfiguration(RegionManager.CONFIGURATION_PID, name, "?");
        configuration.update(new Hashtable<>(Map.of("size", size, "vmm", "host")));
        return configuration;
    }

    private static String named(String region) {
        return "(" + Region.NAME_PROPERTY + "=" + region + ")";
    }

    @Test
    public void aConsumerStoresCommitsAndRollsBack() throws Exception {
        Region region = await(Notebook.class, null).open("notes", SMALL);
        assertEquals(0, region.status().epoch());
        region.buffer(0, 8).putLong(0, 17);
        long first = region.commit();
        region.buffer(0, 8).putLong(0, 18);
        long second = region.commit();
        assertTrue(first + " < " + second, first > 0 && second > first);
        assertEquals(second, region.status().epoch());
        region.buffer(0, 8).putLong(0, 19);
        region.rollback();
        assertEquals(18, region.buffer(0, 8).getLong(0));
        assertEquals(List.of(region), regions().regions());
        region.close();
    }

    @Test
    public void aConfiguredRegionIsAServiceThatReopensWhenItChangesAndClosesWhenItGoes() throws Exception {
        var configuration = configure("stock", "1 MiB");
        assertEquals("org.vellum.region~stock", configuration.getPid());
        Region first = await(Region.class, named("stock"));
        assertEquals("stock", first.name());
        assertEquals(1 << 20, first.size());
        first.buffer(0, 8).putLong(0, 23);
        first.commit();

        Dictionary<String, Object> changed =
                new Hashtable<>(Map.of("size", "1 MiB", "strategy", "write-protect", "logSize", "2 MiB"));
        configuration.update(changed);
        Await.until("the first one is closed", () -> !first.isOpen());
        Region second = await(Region.class, named("stock"));
        assertNotSame(first, second);
        assertEquals("write-protect", second.status().providers().strategy());
        assertEquals(23, second.buffer(0, 8).getLong(0));

        configuration.delete();
        Await.until("the second one is closed", () -> !second.isOpen());
        Await.until("the service is gone", () -> !isThere(Region.class, named("stock")));
    }

    @Test
    public void twoBundlesShareAConfiguredRegion() throws Exception {
        assertFalse(isThere(OrderBook.class, null));
        var configuration = configure("orders", "1 MiB");
        OrderBook theirs = await(OrderBook.class, null);
        Region ours = await(Region.class, named("orders"));
        assertEquals(ours.address(), theirs.address());
        assertEquals(ours.size(), theirs.size());
        theirs.note(3, 4711);
        assertEquals(4711, ours.buffer(0, 4096).getLong(3 * Long.BYTES));
        ours.commit();
        theirs.note(3, 4712);
        ours.rollback();
        assertEquals(4711, theirs.order(3));

        configuration.delete();
        Await.until("their component went with the region", () -> !isThere(OrderBook.class, null));
    }

    @Test
    public void stoppingTheConsumerClosesTheRegionsItOpened() throws Exception {
        Region theirs = await(Notebook.class, null).open("theirs", SMALL);
        Region ours = regions().open("ours", SMALL);
        theirs.buffer(0, 8).putLong(0, 1);
        theirs.commit();
        theirs.buffer(0, 8).putLong(0, 2);
        Bundle consumer = bundle("org.vellum.test.consumer");
        consumer.stop();
        assertFalse(theirs.isOpen());
        assertTrue(ours.isOpen());
        consumer.start();
        Region again = await(Notebook.class, null).open("theirs", SMALL);
        assertEquals(1, again.buffer(0, 8).getLong(0));
        again.close();
        ours.close();
    }

    @Test
    public void eventsArriveAtAHandler() throws Exception {
        BlockingQueue<Event> events = new LinkedBlockingQueue<>();
        ServiceRegistration<EventHandler> handler = context.registerService(
                EventHandler.class,
                event -> {
                    if ("eventful".equals(event.getProperty(RegionEvents.REGION))) {
                        events.add(event);
                    }
                },
                new Hashtable<>(Map.of(EventConstants.EVENT_TOPIC, RegionEvents.ALL)));
        try {
            Region region = regions().open("eventful", SMALL);
            Event opened = next(events);
            assertEquals(RegionEvents.OPENED, opened.getTopic());
            assertEquals(region.status().providers().toString(), opened.getProperty(RegionEvents.PROVIDERS));
            assertEquals(0L, opened.getProperty(RegionEvents.EPOCH));

            region.buffer(0, 8).putLong(0, 1);
            long epoch = region.commit();
            Event committed = next(events);
            assertEquals(RegionEvents.COMMITTED, committed.getTopic());
            assertEquals(epoch, committed.getProperty(RegionEvents.EPOCH));

            region.close();
            assertEquals(RegionEvents.CLOSED, next(events).getTopic());
        } finally {
            handler.unregister();
        }
    }

    private static Event next(BlockingQueue<Event> events) throws InterruptedException {
        Event event = events.poll(PATIENCE_MILLISECONDS, TimeUnit.MILLISECONDS);
        if (event == null) {
            throw new AssertionError("no event");
        }
        return event;
    }

    @Test
    public void everyComponentOfVellumIsThereWithoutAFailure() throws Exception {
        for (Bundle bundle : context.getBundles()) {
            assertTrue(
                    bundle + " is in state " + bundle.getState(),
                    bundle.getState() == Bundle.ACTIVE
                            || bundle.getState() == Bundle.STARTING
                                    && bundle.getSymbolicName().equals("com.sun.jna"));
        }
        for (String type : List.of("Vmm", "PageTable", "Strategy", "Store")) {
            ServiceReference<?>[] providers = context.getAllServiceReferences("org.vellum.api.provider." + type, null);
            boolean two = type.equals("Strategy")
                    || type.equals("PageTable")
                    || type.equals("Vmm") && isThere(Vmm.class, "(" + Vmm.PROPERTY + "=kvm)");
            assertEquals(type, type.equals("Store") ? 3 : two ? 2 : 1, providers.length);
        }
    }
}
