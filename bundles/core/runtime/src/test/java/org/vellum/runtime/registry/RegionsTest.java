// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.registry;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.providers.StoreRecords;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.services.RuntimeServices;
import org.vellum.runtime.testing.Bench;
import org.vellum.runtime.testing.Bench.Call;
import org.vellum.runtime.testing.FakeProviders;
import org.vellum.runtime.testing.FakeStore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class RegionsTest {
    private final Bench bench = Bench.complete();
    private final Regions regions = bench.regions;

    @Test
    void aNameThatIsOpenIsRefusedNamingItsHolder() {
        regions.open("orders", RegionOptions.size(4096), () -> "bundle org.acme (7)");

        String message = assertThrows(RegionBusyException.class, () -> bench.open("orders"))
                .getMessage();

        assertTrue(message.contains("region 'orders'") && message.contains("bundle org.acme (7)"), message);
    }

    @Test
    void openRegionsAreListedByName() {
        bench.open("b");
        Region a = bench.open("a");

        assertEquals(
                List.of("a", "b"), regions.regions().stream().map(Region::name).toList());
        assertEquals(a, regions.region("a").orElseThrow());
        a.close();
        assertTrue(regions.region("a").isEmpty());
    }

    @Test
    void openingAndClosingAreAnnounced() {
        bench.open("orders").close();

        assertEquals(2, bench.events.size());
        assertTrue(bench.events.get(0).startsWith(RegionEvents.OPENED), bench.events.toString());
        assertTrue(bench.events.get(0).contains("host/host/dirty-bit/fake"), bench.events.toString());
        assertTrue(bench.events.get(1).startsWith(RegionEvents.CLOSED), bench.events.toString());
    }

    @Test
    void anOwnerMayStillCommitWhenTheRuntimeStops() {
        List<String> told = new ArrayList<>();
        Owner owner = new Owner() {
            @Override
            public String description() {
                return "the test";
            }

            @Override
            public void closing(Region region) {
                told.add("closing, epoch " + region.commit());
            }

            @Override
            public void closed(Region region) {
                told.add("closed " + region.isOpen());
            }
        };
        regions.open("orders", RegionOptions.size(4096), owner).buffer(0, 1).put((byte) 5);

        regions.stop();

        assertEquals(List.of("closing, epoch 1", "closed false"), told);
        assertEquals(5, bench.store.durableContent("orders")[0]);
    }

    @Test
    void openingWaitsForAnAxisThatHasNoProvider() {
        Regions patient = new Regions(
                new RuntimeServices(bench.core, bench.observers, (topic, properties) -> {}, Bench.PATIENCE), 60_000);
        patient.providerArrived(Axis.VMM, bench.vmm, FakeProviders.properties("vellum.vmm", "host", 0, 1));
        patient.providerArrived(
                Axis.PAGE_TABLE, bench.pageTable, FakeProviders.properties("vellum.pagetable", "host", 0, 2));
        patient.providerArrived(
                Axis.STRATEGY, bench.writeProtect, FakeProviders.properties("vellum.strategy", "write-protect", 0, 3));
        Call<OpenRegion> opening = Bench.inAnotherThread(
                        () -> patient.open("orders", RegionOptions.size(4096), Bench.OWNER))
                .awaitWaiting();

        patient.providerArrived(Axis.STORE, bench.store, FakeProviders.properties(Store.PROPERTY, "fake", 0, 4));

        assertTrue(opening.value().isOpen());
    }

    @Test
    void anAxisThatStaysEmptyIsNamed() {
        regions.providerLeaves(Axis.STORE, bench.store);

        String message = assertThrows(ProviderMissingException.class, () -> bench.open("orders"))
                .getMessage();

        assertTrue(message.contains("no store matches 'auto'; there are: none"), message);
    }

    @Test
    void anOwnerThatStopsTakesItsRegionsAlong() {
        Owner other = () -> "other";
        OpenRegion mine = bench.open("mine");
        OpenRegion others = regions.open("others", RegionOptions.size(4096), other);

        regions.closeAllOf(other);

        assertTrue(mine.isOpen());
        assertFalse(others.isOpen());
    }

    @Test
    void aStoppedRuntimeHasNoRegionsAndOpensNone() {
        OpenRegion region = bench.open("orders");

        regions.stop();

        assertFalse(region.isOpen());
        assertTrue(assertThrows(RegionException.class, () -> bench.open("orders"))
                .getMessage()
                .contains("stopping"));
    }

    private static void comes(Regions to, Axis axis, Object provider, String name) {
        to.providerArrived(axis, provider, FakeProviders.properties(axis.nameProperty(), name, 0, name.hashCode()));
    }

    private Regions waiting(long milliseconds, Path records, Duration settling) {
        Regions patient = new Regions(
                new RuntimeServices(bench.core, bench.observers, (topic, properties) -> {}, Bench.PATIENCE),
                milliseconds,
                new StoreRecords(List.of(records)),
                settling);
        comes(patient, Axis.VMM, bench.vmm, "host");
        comes(patient, Axis.STRATEGY, bench.writeProtect, "write-protect");
        return patient;
    }

    @Test
    void openingWaitsForATupleThatFits(@TempDir Path records) {
        Regions patient = waiting(60_000, records, Duration.ZERO);
        comes(patient, Axis.STORE, bench.store, "fake");
        PageTable guest = FakeProviders.pageTable("guest", (self, vmm) -> false, tracking -> Optional.empty());
        comes(patient, Axis.PAGE_TABLE, guest, "guest");
        Call<OpenRegion> opening = Bench.inAnotherThread(
                        () -> patient.open("orders", RegionOptions.size(4096), Bench.OWNER))
                .awaitWaiting();

        comes(patient, Axis.PAGE_TABLE, bench.pageTable, "host");

        assertTrue(opening.value().isOpen());
    }

    @Test
    void openingWaitsForTheStoreThatHadTheRegionAndThenSaysWhichItIs(@TempDir Path records) {
        Regions impatient = waiting(300, records, Duration.ZERO);
        comes(impatient, Axis.PAGE_TABLE, bench.pageTable, "host");
        comes(impatient, Axis.STORE, bench.store, "fake");
        impatient.open("orders", RegionOptions.size(4096), Bench.OWNER).close();
        impatient.providerLeaves(Axis.STORE, bench.store);
        FakeStore other = new FakeStore(bench.core);
        comes(impatient, Axis.STORE, other, "other");

        String message = assertThrows(
                        ProviderMissingException.class,
                        () -> impatient.open("orders", RegionOptions.size(4096), Bench.OWNER))
                .getMessage();

        assertTrue(message.contains("it is in store 'fake'"), message);
        assertTrue(message.endsWith("(waited 300 ms)"), message);
        assertEquals(0, other.requests.size());
        comes(impatient, Axis.STORE, bench.store, "fake");
        assertEquals(
                "fake",
                impatient
                        .open("orders", RegionOptions.size(4096), Bench.OWNER)
                        .status()
                        .providers()
                        .store());
    }

    @Test
    void aNewRegionGoesToTheBestStoreOfThoseThatComeTogether(@TempDir Path records) {
        Regions starting = waiting(60_000, records, Duration.ofMillis(500));
        comes(starting, Axis.PAGE_TABLE, bench.pageTable, "host");
        FakeStore second = new FakeStore(bench.core);
        starting.providerArrived(Axis.STORE, second, FakeProviders.properties(Store.PROPERTY, "second", -100, 1));
        Call<OpenRegion> opening = Bench.inAnotherThread(
                        () -> starting.open("orders", RegionOptions.size(4096), Bench.OWNER))
                .awaitWaiting();

        comes(starting, Axis.STORE, bench.store, "fake");

        opening.value();
        assertEquals(0, second.requests.size());
        assertEquals(1, bench.store.requests.size());
    }

    @Test
    void aShorterWaitClosesNothing() {
        OpenRegion region = bench.open("orders");

        regions.setProviderWait(1);

        assertTrue(region.isOpen());
    }
}
