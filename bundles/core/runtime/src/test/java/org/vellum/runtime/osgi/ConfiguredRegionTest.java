// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import java.lang.annotation.Annotation;
import java.lang.reflect.Proxy;
import java.util.Dictionary;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.vellum.api.Region;
import org.vellum.api.WantedRegion;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.testing.Bench;
import org.vellum.runtime.testing.FakeProviders;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ConfiguredRegionTest {
    private record Registered(Region region, Map<String, Object> properties) {}

    private final Bench bench = Bench.complete();
    /** The Region services there are. */
    private final List<Registered> services = new CopyOnWriteArrayList<>();

    private final BundleContext context = proxy(BundleContext.class, (method, arguments) -> {
        assertEquals("registerService", method);
        int[] index = {services.size()};
        services.add(new Registered((Region) arguments[1], copy(arguments[2])));
        return proxy(ServiceRegistration.class, (call, changes) -> {
            if (call.equals("unregister")) {
                services.remove(index[0]);
            } else {
                services.set(index[0], new Registered(services.get(index[0]).region(), copy(changes[0])));
            }
            return null;
        });
    });

    private interface Behaviour {
        Object call(String method, Object[] arguments);
    }

    private static <T> T proxy(Class<T> type, Behaviour behaviour) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(),
                new Class<?>[] {type},
                (self, method, arguments) -> behaviour.call(method.getName(), arguments)));
    }

    private static Map<String, Object> copy(Object dictionary) {
        Map<String, Object> copy = new HashMap<>();
        Dictionary<?, ?> source = (Dictionary<?, ?>) dictionary;
        source.keys().asIterator().forEachRemaining(key -> copy.put((String) key, source.get(key)));
        return copy;
    }

    private static RegionConfiguration configuration(Map<String, String> values) {
        Map<String, String> all = new HashMap<>(Map.of(
                "region_name",
                "",
                "size",
                "8 KiB",
                "directory",
                "",
                "logSize",
                "",
                "vmm",
                "auto",
                "pagetable",
                "auto",
                "strategy",
                "auto",
                "store",
                "auto"));
        all.putAll(values);
        return proxy(
                RegionConfiguration.class,
                (method, arguments) -> method.equals("annotationType") ? Annotation.class : all.get(method));
    }

    private static Map<String, Object> properties(String more) {
        return Map.of("service.pid", "org.vellum.region~orders", "team", more, ".secret", "x");
    }

    private ConfiguredRegion start(Map<String, String> values) {
        ConfiguredRegion component =
                new ConfiguredRegion(bench.regions, context, configuration(values), properties("a"));
        component.start();
        return component;
    }

    private Region onlyService() {
        assertEquals(1, services.size());
        return services.get(0).region();
    }

    @Test
    void aConfiguredRegionIsAServiceAsLongAsItsConfigurationIsThere() {
        ConfiguredRegion component = start(Map.of());
        Region region = onlyService();

        assertEquals("orders", region.name());
        assertEquals(8192, region.size());
        Map<String, Object> properties = services.get(0).properties();
        assertEquals("orders", properties.get("region.name"));
        assertEquals(8192L, properties.get("size"));
        assertEquals("host/host/dirty-bit/fake", properties.get("providers"));
        assertEquals("a", properties.get("team"));
        assertFalse(properties.containsKey(".secret"));

        component.stop();
        assertEquals(List.of(), services);
        assertFalse(region.isOpen());
    }

    @Test
    void itsNameAndProvidersCanBeConfigured() {
        start(Map.of("region_name", "other", "strategy", "write-protect", "logSize", "1 MiB"));

        assertEquals("other", onlyService().name());
        assertEquals("write-protect", onlyService().status().providers().strategy());
        assertEquals(1 << 20, bench.store.requests.get(0).logSize());
    }

    @Test
    void aChangeThatDoesNotConcernTheRegionKeepsItOpen() {
        ConfiguredRegion component = start(Map.of());
        Region region = onlyService();

        component.modify(configuration(Map.of()), properties("b"));

        assertSame(region, onlyService());
        assertTrue(region.isOpen());
        assertEquals("b", services.get(0).properties().get("team"));
    }

    @Test
    void aChangeThatConcernsItOpensItAnew() {
        ConfiguredRegion component = start(Map.of());
        Region region = onlyService();

        component.modify(configuration(Map.of("logSize", "1 MiB", "strategy", "write-protect")), properties("a"));

        assertNotSame(region, onlyService());
        assertFalse(region.isOpen());
        assertEquals("write-protect", onlyService().status().providers().strategy());
    }

    @Test
    void aChangeOfSelectorsSwapsItsProvidersAndKeepsItOpen() {
        ConfiguredRegion component = start(Map.of());
        Region region = onlyService();

        component.modify(configuration(Map.of("strategy", "(vellum.strategy=write-*)")), properties("a"));

        assertSame(region, onlyService());
        assertTrue(region.isOpen());
        assertEquals("write-protect", region.status().providers().strategy());
        assertEquals(
                "host/host/write-protect/fake", services.get(0).properties().get("providers"));
    }

    @Test
    void selectorsThatMatchNothingChangeNothingUntilAProviderThatTheyMatchComes() {
        ConfiguredRegion component = start(Map.of());
        Region region = onlyService();

        component.modify(configuration(Map.of("strategy", "hybrid")), properties("a"));

        assertEquals("dirty-bit", region.status().providers().strategy());
        assertTrue(region.status().remarks().toString().contains("no strategy matches 'hybrid'"));

        bench.regions.providerArrived(
                Axis.STRATEGY,
                FakeProviders.strategy("hybrid", Tracking.WRITE_PROTECT),
                FakeProviders.properties(Strategy.PROPERTY, "hybrid", -5, 9));
        assertEquals("hybrid", region.status().providers().strategy());
        assertEquals("host/host/hybrid/fake", services.get(0).properties().get("providers"));
    }

    @Test
    void aMalformedFilterInAChangeIsSaidAndTheRegionStaysAsItIs() {
        ConfiguredRegion component = start(Map.of());
        Region region = onlyService();

        component.modify(configuration(Map.of("strategy", "(vellum.strategy=")), properties("a"));

        assertSame(region, onlyService());
        assertTrue(region.status().remarks().toString().contains("is no LDAP filter"));
    }

    @Test
    void aChangeToAnImpossibleSizeIsSaidAndNoServiceIsLeft() {
        ConfiguredRegion component = start(Map.of());

        component.modify(configuration(Map.of("size", "-5")), properties("a"));

        assertEquals(List.of(), services);
        component.modify(configuration(Map.of()), properties("a"));
        assertTrue(onlyService().isOpen());
    }

    @Test
    void aConfigurationThatCannotBeUsedMakesNoServiceUntilItIsChanged() {
        ConfiguredRegion component = start(Map.of("size", "many"));
        assertEquals(List.of(), services);

        component.modify(configuration(Map.of()), properties("a"));

        assertTrue(onlyService().isOpen());
    }

    @Test
    void aMissingProviderIsWaitedFor() {
        bench.regions.providerLeaves(Axis.STORE, bench.store);
        start(Map.of());
        assertEquals(List.of(), services);

        bench.regions.providerArrived(Axis.STORE, bench.store, FakeProviders.properties(Store.PROPERTY, "fake", 0, 5));

        assertTrue(onlyService().isOpen());
    }

    @Test
    void aRegionWhoseProviderLeavesGoesOnWithAnotherAndItsServiceSaysSo() {
        start(Map.of());
        Region region = onlyService();

        bench.regions.providerLeaves(Axis.STRATEGY, bench.dirtyBit);

        assertSame(region, onlyService());
        assertTrue(region.isOpen());
        assertEquals(
                "host/host/write-protect/fake", services.get(0).properties().get("providers"));
    }

    @Test
    void aRegionThatSomebodyClosedIsNoServiceAnyMore() {
        start(Map.of());

        onlyService().close();

        assertEquals(List.of(), services);
    }

    @Test
    void nothingIsOpenedAfterTheConfigurationWent() {
        bench.regions.providerLeaves(Axis.STORE, bench.store);
        ConfiguredRegion component = start(Map.of());
        component.stop();

        bench.regions.providerArrived(Axis.STORE, bench.store, FakeProviders.properties(Store.PROPERTY, "fake", 0, 5));

        assertEquals(List.of(), services);
        assertEquals(List.of(), bench.regions.regions());
    }

    private WantedRegion onlyWanted() {
        List<WantedRegion> wanted = bench.regions.wanted();
        assertEquals(1, wanted.size(), wanted.toString());
        return wanted.get(0);
    }

    @Test
    void aRegionThatWasRefusedIsWantedAndTriedAgainByItself() {
        bench.store.failing.addAll(List.of("open", "open"));
        start(Map.of());

        WantedRegion wanted = onlyWanted();
        assertEquals("orders", wanted.name());
        assertEquals("configuration org.vellum.region~orders", wanted.wantedBy());
        assertEquals(WantedRegion.Obstacle.REFUSED, wanted.obstacle());
        assertEquals("open broke", wanted.reason());
        await().until(() -> !services.isEmpty());
        assertTrue(onlyService().isOpen());
        assertEquals(List.of(), bench.regions.wanted());
    }

    @Test
    void aRegionThatSomebodyElseHasOpenIsOpenedWhenThatOneIsClosed() {
        OpenRegion theirs = bench.open("orders");
        start(Map.of("size", "16 KiB"));
        assertEquals(WantedRegion.Obstacle.BUSY, onlyWanted().obstacle());

        theirs.close();

        assertTrue(onlyService().isOpen());
        assertEquals(List.of(), bench.regions.wanted());
    }

    @Test
    void aDamagedRegionIsAnnouncedOnceAndWantedUntilItIsRepaired() {
        bench.store.damage = "orders.vellum, offset 0: no image";
        start(Map.of());
        WantedRegion wanted = onlyWanted();
        assertEquals(WantedRegion.Obstacle.DAMAGED, wanted.obstacle());
        await().until(() -> bench.store.requests.size() > 2);
        assertEquals(1, bench.events.size(), bench.events.toString());
        assertEquals(wanted.since(), onlyWanted().since());

        bench.store.damage = null;
        await().until(() -> !services.isEmpty());
        assertEquals(List.of(), bench.regions.wanted());
    }

    @Test
    void aRegionThatSomebodyClosedIsWantedAndStaysClosedUntilItsConfigurationIsChanged() {
        ConfiguredRegion component = start(Map.of());
        onlyService().close();

        assertEquals(WantedRegion.Obstacle.CLOSED, onlyWanted().obstacle());
        component.modify(configuration(Map.of()), properties("b"));
        assertTrue(onlyService().isOpen());
        component.stop();
        assertEquals(List.of(), bench.regions.wanted());
    }
}
