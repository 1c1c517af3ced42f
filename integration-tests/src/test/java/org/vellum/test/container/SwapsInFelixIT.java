// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

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
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.event.Event;
import org.osgi.service.event.EventConstants;
import org.osgi.service.event.EventHandler;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus.State;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

/** Providers that are stopped, started, updated, outranked and deselected under regions that threads store to. */
@RunWith(ContainerRunner.class)
@ExamReactorStrategy(PerClass.class)
public class SwapsInFelixIT extends FelixTest {
    private static final RegionOptions OPTIONS = RegionOptions.size("1 MiB");
    private static final long PATIENCE_MILLISECONDS = 200_000;
    private static final List<String> TRACKING_BUNDLES = List.of(
            "org.vellum.strategy.dirtybit",
            "org.vellum.strategy.writeprotect",
            "org.vellum.pagetable.host",
            "org.vellum.vmm.host");

    @After
    public void startAllBundlesAndCloseAllRegions() throws Exception {
        startAllBundles();
        regions().regions().forEach(Region::close);
    }

    private static String tuple(Region region) {
        return region.status().providers().toString();
    }

    @Test
    public void noStoreIsLostWhileProviderBundlesStopAndStart() throws Exception {
        log.expect("goes on with"); // degraded
        Region region = regions().open("stopped", OPTIONS);
        String best = tuple(region);
        try (Writers writers = new Writers(region)) {
            for (int round = 0; round < 3; round++) {
                for (String name : TRACKING_BUNDLES) {
                    bundle(name).stop();
                    assertFalse(name, region.status().providers().toString().isEmpty());
                    writers.awaitProgress();
                    region.commit();
                    bundle(name).start();
                    Await.until(name + " is taken again", () -> tuple(region).equals(best));
                    writers.awaitProgress();
                }
            }
            writers.check(region);
            region.commit();
            region.close();
            writers.check(regions().open("stopped", OPTIONS));
        }
    }

    @Test
    public void withoutAStrategyARegionIsDegradedAndSaysSo() throws Exception {
        log.expect("goes on with");
        BlockingQueue<Event> events = new LinkedBlockingQueue<>();
        ServiceRegistration<EventHandler> handler = context.registerService(
                EventHandler.class, events::add, new Hashtable<>(Map.of(EventConstants.EVENT_TOPIC, new String[] {
                    RegionEvents.SWAPPED, RegionEvents.DEGRADED
                })));
        Region region =
                regions().open("degraded", OPTIONS.withStrategy("write-protect").withVmm("host"));
        region.buffer(0, 8).putLong(0, 1);
        bundle("org.vellum.strategy.writeprotect").stop();
        assertEquals(State.DEGRADED, region.status().state());
        assertEquals("none/none/none/file", tuple(region));
        region.buffer(8192, 8).putLong(0, 2);
        assertTrue(region.commit() > 0);
        bundle("org.vellum.strategy.writeprotect").start();
        Await.until("it is tracked again", () -> region.status().state() == State.OPEN);
        region.close();
        Region again = regions().open("degraded", OPTIONS);
        assertEquals(1, again.buffer(0, 8).getLong(0));
        assertEquals(2, again.buffer(8192, 8).getLong(0));
        assertEquals(RegionEvents.DEGRADED, next(events).getTopic());
        Event swapped = next(events);
        assertEquals(RegionEvents.SWAPPED, swapped.getTopic());
        assertEquals("none/none/none/file", swapped.getProperty(RegionEvents.PREVIOUS_PROVIDERS));
        assertEquals("host/host/write-protect/file", swapped.getProperty(RegionEvents.PROVIDERS));
        handler.unregister();
    }

    private static Event next(BlockingQueue<Event> events) throws InterruptedException {
        Event event = events.poll(PATIENCE_MILLISECONDS, TimeUnit.MILLISECONDS);
        if (event == null) {
            throw new AssertionError("no event");
        }
        return event;
    }

    @Test
    public void withoutItsStoreARegionKeepsItsStoresAndCommitsThemWhenTheStoreIsBack() throws Exception {
        log.expect("goes on with");
        Region region = regions().open("storeless", OPTIONS);
        region.buffer(0, 8).putLong(0, 1);
        region.commit();
        try (Writers writers = new Writers(regions().open("beside", OPTIONS))) {
            region.buffer(0, 8).putLong(0, 2);
            bundle("org.vellum.store.file").stop();
            assertTrue(assertThrows(ProviderMissingException.class, region::commit)
                    .getMessage()
                    .contains("its store 'file' is away"));
            writers.awaitProgress();
            bundle("org.vellum.store.file").start();
            Await.until("it is back", () -> region.status().state() == State.OPEN);
            assertEquals(2, region.buffer(0, 8).getLong(0));
            assertEquals(2, region.commit());
            writers.check(regions().region("beside").orElseThrow());
        }
        region.close();
        assertEquals(2, regions().open("storeless", OPTIONS).buffer(0, 8).getLong(0));
    }

    /** Somebody's strategy that ranks best; its native half is one that is there. */
    private ServiceRegistration<Strategy> outrank(String name, Strategy like) {
        return context.registerService(
                Strategy.class,
                new Strategy() {
                    @Override
                    public String name() {
                        return name;
                    }

                    @Override
                    public long operations() {
                        if (like == null) {
                            throw new IllegalStateException("its native half is missing");
                        }
                        return like.operations();
                    }

                    @Override
                    public Tracking tracking() {
                        return Tracking.WRITE_PROTECT;
                    }
                },
                new Hashtable<>(Map.of(Strategy.PROPERTY, name, Constants.SERVICE_RANKING, 1000)));
    }

    @Test
    public void aStrategyThatRanksBetterIsTakenAndLeftAgain() throws Exception {
        Region region = regions().open("ranked", OPTIONS);
        String before = tuple(region);
        try (Writers writers = new Writers(region)) {
            for (int round = 0; round < 20; round++) {
                ServiceRegistration<Strategy> better =
                        outrank("better", await(Strategy.class, "(" + Strategy.PROPERTY + "=write-protect)"));
                assertEquals("better", region.status().providers().strategy());
                better.unregister();
                assertEquals(before, tuple(region));
            }
            writers.check(region);
        }
    }

    @Test
    public void aStrategyThatThrowsIsNotTakenAndTheStatusSaysWhy() throws Exception {
        log.expect("its native half is missing");
        Region region = regions().open("unharmed", OPTIONS);
        String before = tuple(region);
        ServiceRegistration<Strategy> broken = outrank("broken", null);
        assertEquals(before, tuple(region));
        assertTrue(
                region.status().remarks().toString(),
                region.status().remarks().toString().contains("its native half is missing"));
        broken.unregister();
    }

    @Test
    public void aChangedFilterSwapsAConfiguredRegionUnderItsUsers() throws Exception {
        log.expect("no strategy matches");
        var configuration = configurations.getFactoryConfiguration(RegionManager.CONFIGURATION_PID, "filtered", "?");
        configuration.update(new Hashtable<>(Map.of("size", "1 MiB", "vmm", "host", "strategy", "dirty-bit")));
        Region region = await(Region.class, "(" + Region.NAME_PROPERTY + "=filtered)");
        try (Writers writers = new Writers(region)) {
            for (String strategy : List.of("write-protect", "dirty-bit", "write-protect")) {
                configuration.update(new Hashtable<>(Map.of(
                        "size", "1 MiB", "vmm", "host", "strategy", "(" + Strategy.PROPERTY + "=" + strategy + ")")));
                Await.until(
                        "swapped", () -> region.status().providers().strategy().equals(strategy));
                assertSame(region, await(Region.class, "(providers=host/host/" + strategy + "/file)"));
            }
            configuration.update(new Hashtable<>(Map.of("size", "1 MiB", "vmm", "host", "strategy", "(colour=pink)")));
            Await.until(
                    "the filter that matches nothing is said",
                    () -> region.status().remarks().toString().contains("no strategy matches '(colour=pink)'"));
            assertEquals("write-protect", region.status().providers().strategy());
            writers.check(region);
        }
        configuration.delete();
        Await.until("it is closed", () -> !region.isOpen());
    }

    @Test
    @NeedsGuestMode
    public void guestModeIsEnteredAndLeftUnderStores() throws Exception {
        log.expect("goes on with");
        Region region = regions().open("guest", OPTIONS);
        try (Writers writers = new Writers(region)) {
            for (int round = 0; round < 10; round++) {
                assertEquals("guest", region.swap(Map.of("vmm", "kvm")).to().pageTable());
                writers.awaitProgress();
                region.commit();
                assertEquals("host", region.swap(Map.of("vmm", "host")).to().pageTable());
                writers.awaitProgress();
            }
            region.swap(Map.of("vmm", "kvm"));
            bundle("org.vellum.vmm.kvm").stop();
            assertEquals(State.DEGRADED, region.status().state());
            writers.awaitProgress();
            bundle("org.vellum.vmm.kvm").start();
            Await.until(
                    "it is back in guest mode",
                    () -> region.status().providers().vmm().equals("kvm"));
            writers.check(region);
        }
    }
}
