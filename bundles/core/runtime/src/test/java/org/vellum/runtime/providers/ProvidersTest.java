// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.api.provider.Vmm;
import org.vellum.runtime.testing.FakeCore;
import org.vellum.runtime.testing.FakeProviders;
import org.vellum.runtime.testing.FakeStore;
import org.vellum.runtime.testing.NamedStore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ProvidersTest {
    private static final RegionOptions AUTO = RegionOptions.size(4096);
    private static final Optional<String> NO_SCAN = Optional.of("this kernel has no PAGEMAP_SCAN");

    private final Providers providers = new Providers();
    private final Vmm host = FakeProviders.vmm("host");
    private final Vmm kvm = FakeProviders.vmm("kvm");
    private final Strategy dirtyBit = FakeProviders.strategy("dirty-bit", Tracking.DIRTY_BIT);
    private final Strategy writeProtect = FakeProviders.strategy("write-protect", Tracking.WRITE_PROTECT);
    private final Store store = new FakeStore(new FakeCore());
    private Optional<String> dirtyBitObstacle = Optional.empty();
    private Optional<String> writeProtectObstacle = Optional.empty();
    private final PageTable hostTable = pageTable("host");
    private final PageTable guestTable =
            FakeProviders.pageTable("guest", (self, vmm) -> vmm.name().equals("kvm"), tracking -> Optional.empty());

    private PageTable pageTable(String name) {
        return FakeProviders.pageTable(
                name,
                (self, vmm) -> vmm.name().equals(name),
                tracking -> tracking == Tracking.DIRTY_BIT ? dirtyBitObstacle : writeProtectObstacle);
    }

    @BeforeEach
    void hostProviders() {
        providers.vmms().put(host, FakeProviders.properties(Vmm.PROPERTY, "host", 0, 1));
        providers.pageTables().put(hostTable, FakeProviders.properties(PageTable.PROPERTY, "host", 0, 2));
        providers.strategies().put(writeProtect, FakeProviders.properties(Strategy.PROPERTY, "write-protect", 0, 3));
        providers.strategies().put(dirtyBit, FakeProviders.properties(Strategy.PROPERTY, "dirty-bit", 10, 4));
        providers.stores().put(store, FakeProviders.properties(Store.PROPERTY, "fake", 0, 5));
    }

    private void addKvm(int ranking) {
        providers.vmms().put(kvm, FakeProviders.properties(Vmm.PROPERTY, "kvm", ranking, 6));
    }

    private Tuple select(RegionOptions options) {
        return providers.select("region 'orders'", options);
    }

    @Test
    void autoTakesTheHighestRanking() {
        Tuple tuple = select(AUTO);

        assertEquals("host/host/dirty-bit/fake", tuple.names().toString());
        assertEquals(List.of(), tuple.remarks());
    }

    @Test
    void equalRankingsGoByNameWhoeverWasFirst() {
        providers.strategies().put(writeProtect, FakeProviders.properties(Strategy.PROPERTY, "write-protect", 10, 3));

        assertSame(dirtyBit, select(AUTO).strategy());
    }

    @Test
    void autoPassesOverAVmmWithoutAPageTable() {
        addKvm(100);

        assertSame(host, select(AUTO).vmm());
    }

    @Test
    void aPageTableIsTakenOnlyWithItsVmm() {
        addKvm(100);
        providers.pageTables().put(guestTable, FakeProviders.properties(PageTable.PROPERTY, "guest", -5, 7));

        assertEquals("kvm/guest/dirty-bit/fake", select(AUTO).names().toString());
        assertEquals(
                "host/host/dirty-bit/fake",
                select(AUTO.withPageTable("host")).names().toString());
        assertEquals(
                "host/host/dirty-bit/fake", select(AUTO.withVmm("host")).names().toString());
        ProviderMissingException failure = assertThrows(
                ProviderMissingException.class,
                () -> select(AUTO.withVmm("host").withPageTable("guest")));
        assertTrue(failure.getMessage().contains("works with"), failure.getMessage());
    }

    @Test
    void aVmmOfLowerRankingIsTakenWhenItIsNamedAndBringsItsPageTable() {
        addKvm(-10);
        providers.pageTables().put(guestTable, FakeProviders.properties(PageTable.PROPERTY, "guest", -10, 7));

        assertEquals("host/host/dirty-bit/fake", select(AUTO).names().toString());
        assertEquals(
                "kvm/guest/dirty-bit/fake", select(AUTO.withVmm("kvm")).names().toString());
        assertEquals(
                "kvm/guest/dirty-bit/fake",
                select(AUTO.withPageTable("guest")).names().toString());
    }

    @Test
    void aBackendThatDeclinesIsAnsweredWithWhereTheReasonIs() {
        String message = assertThrows(ProviderMissingException.class, () -> select(AUTO.withVmm("kvm")))
                .getMessage();

        assertTrue(message.startsWith("region 'orders': no VMM backend matches 'kvm'; there are: host;"), message);
        assertTrue(message.contains("'./vellum doctor' say what it misses here"), message);
    }

    @Test
    void dirtyBitGivesWayToWriteProtectAndSaysWhy() {
        dirtyBitObstacle = NO_SCAN;

        for (RegionOptions options : List.of(AUTO, AUTO.withStrategy("dirty-bit"))) {
            Tuple tuple = select(options);
            assertSame(writeProtect, tuple.strategy());
            assertEquals(
                    List.of("strategy 'dirty-bit' gives way to 'write-protect': this kernel has no PAGEMAP_SCAN"),
                    tuple.remarks());
        }
    }

    @Test
    void writeProtectGivesWayToNothing() {
        writeProtectObstacle = Optional.of("userfaultfd is forbidden");

        ProviderMissingException failure =
                assertThrows(ProviderMissingException.class, () -> select(AUTO.withStrategy("write-protect")));

        assertTrue(failure.getMessage().contains("userfaultfd is forbidden"), failure.getMessage());
        assertSame(dirtyBit, select(AUTO).strategy());
    }

    @Test
    void whenNoStrategyWorksEveryObstacleIsNamed() {
        dirtyBitObstacle = NO_SCAN;
        writeProtectObstacle = Optional.of("userfaultfd is forbidden");

        String message =
                assertThrows(ProviderMissingException.class, () -> select(AUTO)).getMessage();

        assertTrue(message.contains("PAGEMAP_SCAN") && message.contains("userfaultfd is forbidden"), message);
    }

    @Test
    void anUnknownNameIsAnsweredWithWhatThereIs() {
        String message = assertThrows(ProviderMissingException.class, () -> select(AUTO.withStore("dax")))
                .getMessage();

        assertTrue(message.contains("region 'orders': no store matches 'dax'; there are: fake"), message);
    }

    @Test
    void aFilterSelectsByServiceProperties() {
        assertSame(writeProtect, select(AUTO.withStrategy("(colour=write-*)")).strategy());
        assertThrows(ProviderMissingException.class, () -> select(AUTO.withStrategy("(colour=red)")));
    }

    @Test
    void aMalformedFilterIsNamed() {
        String message = assertThrows(InvalidRegionException.class, () -> select(AUTO.withStrategy("(colour")))
                .getMessage();

        assertTrue(message.contains("'(colour'"), message);
    }

    @Test
    void aProviderThatLeftIsNotSelected() {
        providers.strategies().remove(dirtyBit);

        assertSame(writeProtect, select(AUTO).strategy());
        assertEquals(Optional.empty(), providers.obstacle());
        providers.strategies().remove(writeProtect);
        assertTrue(providers.obstacle().orElseThrow().contains("there is no strategy: start a bundle"));
        assertTrue(assertThrows(ProviderMissingException.class, () -> select(AUTO))
                .getMessage()
                .contains("there are: none"));
    }

    @Test
    void providersThatDoNotFitOpenNothingAndTheSentenceSaysWhatWould() {
        providers.vmms().remove(host);
        addKvm(0);
        String obstacle = providers.obstacle().orElseThrow();
        assertTrue(obstacle.contains("no page table selected by 'auto' works with a VMM backend"), obstacle);
        assertTrue(obstacle.contains("'kvm' with 'guest'"), obstacle);

        providers.pageTables().put(guestTable, FakeProviders.properties(PageTable.PROPERTY, "guest", -10, 7));
        assertEquals(Optional.empty(), providers.obstacle());
    }

    @Test
    void aStoreThatRefusesEveryFolderOpensNothing() {
        providers.stores().remove(store);
        NamedStore dax = new NamedStore("dax", "/pmem");
        dax.obstacle = "/pmem is not on persistent memory; mount a file system with -o dax";
        providers.stores().put(dax, dax.properties(true, -100, 8));

        String obstacle = providers.obstacle().orElseThrow();
        assertTrue(obstacle.contains("store 'dax': /pmem is not on persistent memory"), obstacle);
        assertTrue(obstacle.contains("org.vellum.store.file"), obstacle);
    }
}
