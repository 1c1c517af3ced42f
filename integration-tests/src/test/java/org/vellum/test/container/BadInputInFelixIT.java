// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.Hashtable;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.junit.After;
import org.junit.Test;
import org.junit.function.ThrowingRunnable;
import org.junit.runner.RunWith;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.cm.Configuration;
import org.osgi.service.event.Event;
import org.osgi.service.event.EventConstants;
import org.osgi.service.event.EventHandler;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.test.consumer.Notebook;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

/** What may be asked for and cannot be had: what comes of it, and the sentence that says so. */
@RunWith(ContainerRunner.class)
@ExamReactorStrategy(PerClass.class)
public class BadInputInFelixIT extends FelixTest {
    private static final long PATIENCE_MILLISECONDS = 200_000;
    private static final RegionOptions OPTIONS = RegionOptions.size("1 MiB").withVmm("host");

    @After
    public void closeAllRegionsAndDeleteConfigurations() throws Exception {
        var left = configurations.listConfigurations("(service.factoryPid=" + RegionManager.CONFIGURATION_PID + ")");
        if (left != null) {
            for (var configuration : left) {
                configuration.delete();
            }
        }
        regions().regions().forEach(Region::close);
        Await.until("no region is open", () -> regions().regions().isEmpty());
    }

    private static String refusal(Class<? extends RegionException> type, ThrowingRunnable action, String... names) {
        String sentence = assertThrows(type, action).getMessage();
        for (String name : names) {
            assertTrue(sentence + " does not name " + name, sentence.contains(name));
        }
        return sentence;
    }

    private static String named(String region) {
        return "(" + Region.NAME_PROPERTY + "=" + region + ")";
    }

    private boolean isService(String region) throws Exception {
        return !context.getServiceReferences(Region.class, named(region)).isEmpty();
    }

    private Configuration configuration(String name) throws Exception {
        return configurations.getFactoryConfiguration(RegionManager.CONFIGURATION_PID, name, "?");
    }

    private static void update(Configuration configuration, Map<String, String> properties) throws Exception {
        Hashtable<String, Object> all = new Hashtable<>(Map.of("size", "1 MiB", "vmm", "host"));
        all.putAll(properties);
        configuration.update(all);
    }

    /** Somebody's strategy that nobody takes by itself. */
    private ServiceRegistration<Strategy> register(String name, LongSupplier operations) {
        return context.registerService(
                Strategy.class,
                new Strategy() {
                    @Override
                    public String name() {
                        return name;
                    }

                    @Override
                    public long operations() {
                        return operations.getAsLong();
                    }

                    @Override
                    public Tracking tracking() {
                        return Tracking.WRITE_PROTECT;
                    }
                },
                new Hashtable<>(Map.of(Strategy.PROPERTY, name, Constants.SERVICE_RANKING, -1000, "colour", "pink")));
    }

    private ServiceRegistration<Strategy> registerWorking(String name) throws Exception {
        return register(name, await(Strategy.class, "(" + Strategy.PROPERTY + "=write-protect)")::operations);
    }

    @Test
    public void aFilterThatMatchesNothing() throws Exception {
        String[] named = {
            "'filtered'", "no strategy matches '(colour=pink)'", "there are: ", "write-protect", "start the bundle"
        };
        RegionOptions pinkOnly = OPTIONS.withStrategy("(colour=pink)");
        refusal(ProviderMissingException.class, () -> regions().open("filtered", pinkOnly), named);

        Region region = regions().open("filtered", OPTIONS);
        RegionStatus.Providers before = region.status().providers();
        refusal(ProviderMissingException.class, () -> region.swap(Map.of("strategy", "(colour=pink)")), named);
        assertEquals(before, region.status().providers());
        assertTrue(region.status().remarks().toString().contains("no strategy matches '(colour=pink)'"));
        assertTrue(log.holds("'filtered'", "no strategy matches"));

        update(configuration("waiting"), Map.of("strategy", "(colour=pink)"));
        Await.until("it is said", () -> log.holds("org.vellum.region~waiting waits", "no strategy matches"));
        assertFalse(isService("waiting"));
        ServiceRegistration<Strategy> pink = registerWorking("pink");
        assertEquals(
                "pink",
                await(Region.class, named("waiting")).status().providers().strategy());
        assertEquals(
                "who asked once and was refused is not swapped later",
                before,
                region.status().providers());

        log.expect("goes on with"); // without
        pink.unregister();
    }

    @Test
    public void aFilterThatIsNone() throws Exception {
        String[] named = {"(colour=", "is no LDAP filter", "expected 'auto'"};
        RegionOptions malformed = OPTIONS.withStrategy("(colour=");
        refusal(InvalidRegionException.class, () -> regions().open("malformed", malformed), named);

        update(configuration("malformed"), Map.of("strategy", "(colour="));
        Await.until("it is said", () -> log.holds("org.vellum.region~malformed opens no region", "is no LDAP filter"));
        assertFalse(isService("malformed"));
    }

    @Test
    public void twoRegionsWithOneName() throws Exception {
        Region theirs = await(Notebook.class, null).open("taken", OPTIONS);
        refusal(
                RegionBusyException.class,
                () -> regions().open("taken", OPTIONS),
                "'taken'",
                "bundle org.vellum.test.consumer",
                "share it");

        update(configuration("taken"), Map.of());
        Await.until(
                "it is said", () -> log.holds("org.vellum.region~taken opens no region", "org.vellum.test.consumer"));
        assertFalse(isService("taken"));
        theirs.buffer(0, 8).putLong(0, 1);
        assertEquals("theirs goes on", 1, theirs.commit());
    }

    @Test
    public void oneImageInTwoConfigurations() throws Exception {
        Configuration first = configuration("first");
        update(first, Map.of("region.name", "shared"));
        Region region = await(Region.class, named("shared"));
        region.buffer(0, 8).putLong(0, 7);
        region.commit();
        Configuration second = configuration("second");
        update(second, Map.of("region.name", "shared"));
        Await.until(
                "it is said",
                () -> log.holds(
                        "org.vellum.region~second opens no region",
                        "'shared'",
                        "configuration org.vellum.region~first"));
        assertSame(region, await(Region.class, named("shared")));
        assertTrue(region.isOpen());

        first.delete();
        Await.until("the first is closed", () -> !region.isOpen());
        update(second, Map.of("region.name", "shared", "note", "changed, so that it is tried again"));
        assertEquals(7, await(Region.class, named("shared")).buffer(0, 8).getLong(0));
    }

    @Test
    public void aConfigurationChangedToAnImpossibleSize() throws Exception {
        Configuration configuration = configuration("resized");
        update(configuration, Map.of());
        Region region = await(Region.class, named("resized"));
        region.buffer(0, 8).putLong(0, 7);
        region.commit();
        Map<String, String> sizes =
                Map.of("-5", "at least 1 byte", "many", "'many'", "2 MiB", "exists with 1048576 bytes");
        for (Map.Entry<String, String> size : sizes.entrySet()) {
            update(configuration, Map.of("size", size.getKey()));
            Await.until(
                    "it is said of " + size,
                    () -> log.holds("org.vellum.region~resized opens no region", size.getValue()));
            assertFalse(region.isOpen());
            assertFalse(isService("resized"));

            update(configuration, Map.of());
            assertEquals(7, await(Region.class, named("resized")).buffer(0, 8).getLong(0));
        }
    }

    @Test
    public void aSwapAskedForDuringASwapWaitsForItsTurn() throws Exception {
        CountDownLatch swapping = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        LongSupplier working = await(Strategy.class, "(" + Strategy.PROPERTY + "=write-protect)")::operations;
        ServiceRegistration<Strategy> slow = register("slow", () -> {
            swapping.countDown();
            try {
                assertTrue(goOn.await(PATIENCE_MILLISECONDS, TimeUnit.MILLISECONDS));
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            return working.getAsLong();
        });
        Region region = regions().open("busy", OPTIONS);
        try (Writers writers = new Writers(region)) {
            CompletableFuture<RegionStatus.Swap> first =
                    CompletableFuture.supplyAsync(() -> region.swap(Map.of("strategy", "slow")));
            swapping.await();
            CompletableFuture<RegionStatus.Swap> second =
                    CompletableFuture.supplyAsync(() -> region.swap(Map.of("strategy", "dirty-bit")));
            writers.awaitProgress();
            boolean waited = !second.isDone();
            goOn.countDown();
            assertTrue("the second swap did not wait for the first", waited);
            assertEquals(
                    "slow",
                    first.get(PATIENCE_MILLISECONDS, TimeUnit.MILLISECONDS).to().strategy());
            RegionStatus.Swap last = second.get(PATIENCE_MILLISECONDS, TimeUnit.MILLISECONDS);
            assertEquals("slow", last.from().strategy());
            assertEquals("dirty-bit", last.to().strategy());
            assertEquals("dirty-bit", region.status().providers().strategy());
            writers.check(region);
        }
        slow.unregister();
    }

    @Test
    public void aSwapAskedForInsideACommitIsRefused() throws Exception {
        Region region = regions().open("inside", OPTIONS);
        AtomicReference<Throwable> refusal = new AtomicReference<>();
        ServiceRegistration<PhaseObserver> observer = context.registerService(
                PhaseObserver.class,
                (name, phase) -> {
                    if (phase == Phase.CUT) {
                        refusal.set(assertThrows(
                                IllegalStateException.class, () -> region.swap(Map.of("strategy", "write-protect"))));
                    }
                },
                null);
        region.buffer(0, 8).putLong(0, 1);
        assertEquals(1, region.commit());
        observer.unregister();
        assertTrue(refusal.get().getMessage(), refusal.get().getMessage().contains("do it afterwards"));
    }

    @Test
    public void aSwapToAProviderThatThrows() throws Exception {
        refusedSwap(
                "throwing",
                () -> {
                    throw new IllegalStateException("its native half is missing");
                },
                "its native half is missing");
    }

    @Test
    public void aSwapToAProviderThatRefusesToBeAttached() throws Exception {
        Memory structure = new Memory(1024);
        structure.clear();
        refusedSwap("refusing", () -> Pointer.nativeValue(structure), "another version of the native interface");
    }

    private void refusedSwap(String name, LongSupplier operations, String reason) throws Exception {
        BlockingQueue<Event> events = new LinkedBlockingQueue<>();
        ServiceRegistration<EventHandler> handler = context.registerService(
                EventHandler.class,
                events::add,
                new Hashtable<>(Map.of(EventConstants.EVENT_TOPIC, new String[] {RegionEvents.SWAP_REFUSED})));
        ServiceRegistration<Strategy> broken = register("broken", operations);
        Region region = regions().open(name, OPTIONS);
        String before = region.status().providers().toString();
        try (Writers writers = new Writers(region)) {
            String sentence = refusal(
                    RegionException.class,
                    () -> region.swap(Map.of("strategy", "broken")),
                    "'" + name + "' stays on " + before,
                    "host/host/broken/file",
                    reason);
            assertEquals(before, region.status().providers().toString());
            assertTrue(region.status().remarks().contains(sentence));
            assertTrue(log.holds(sentence));
            Event event = events.poll(PATIENCE_MILLISECONDS, TimeUnit.MILLISECONDS);
            assertEquals(sentence, event.getProperty(RegionEvents.MESSAGE));
            writers.awaitProgress();
            region.commit();
            writers.check(region);
        }
        region.close();
        refusal(RegionException.class, () -> regions().open(name, OPTIONS.withStrategy("broken")), reason);
        regions().open(name, OPTIONS).close();
        broken.unregister();
        handler.unregister();
    }
}
