// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.RegionStatus.State;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.api.provider.Vmm;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.registry.Regions;
import org.vellum.runtime.services.RegionContext;
import org.vellum.runtime.testing.Bench;
import org.vellum.runtime.testing.Bench.Call;
import org.vellum.runtime.testing.FakeProviders;
import org.vellum.runtime.testing.FakeStore;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Providers of open regions that are swapped, by request and because they come and go. */
class SwapTest {
    private final Bench bench = Bench.complete();
    private final Regions regions = bench.regions;
    private final Vmm kvm = FakeProviders.vmm("kvm");
    private final PageTable guest =
            FakeProviders.pageTable("guest", (self, vmm) -> vmm.name().equals("kvm"), tracking -> Optional.empty());

    private void kvmArrives(int ranking) {
        regions.providerArrived(Axis.VMM, kvm, FakeProviders.properties(Vmm.PROPERTY, "kvm", ranking, 11));
        regions.providerArrived(
                Axis.PAGE_TABLE, guest, FakeProviders.properties(PageTable.PROPERTY, "guest", ranking, 12));
    }

    private void dirtyBitArrives() {
        regions.providerArrived(
                Axis.STRATEGY, bench.dirtyBit, FakeProviders.properties(Strategy.PROPERTY, "dirty-bit", 10, 13));
    }

    private static String tuple(OpenRegion region) {
        return region.status().providers().toString();
    }

    private String lastEvent() {
        return bench.events.get(bench.events.size() - 1);
    }

    // By request

    @Test
    void aSwapPutsAnotherStrategyInForceAndKeepsUncommittedStores() {
        OpenRegion region = bench.open("orders");
        region.buffer(0, 1).put((byte) 5);

        RegionStatus.Swap swap = region.swap(Map.of("strategy", "write-protect"));

        assertEquals("host/host/dirty-bit/fake", swap.from().toString());
        assertEquals("host/host/write-protect/fake", swap.to().toString());
        assertEquals(2000, swap.gateNanoseconds());
        assertEquals(Optional.of(swap), region.status().lastSwap());
        assertEquals(0, region.status().epoch());
        assertEquals(5, region.buffer(0, 1).get());
        assertTrue(lastEvent().startsWith(RegionEvents.SWAPPED + " "), lastEvent());
        assertTrue(lastEvent().contains("providers=host/host/write-protect/fake"), lastEvent());
        assertTrue(lastEvent().contains("providers.previous=host/host/dirty-bit/fake"), lastEvent());
        assertEquals(1, region.commit());
    }

    @Test
    void aSwapToWhatIsInForceDoesNothing() {
        OpenRegion region = bench.open("orders");

        RegionStatus.Swap swap = region.swap(Map.of("strategy", "dirty-bit"));

        assertEquals(swap.from(), swap.to());
        assertEquals(Optional.empty(), region.status().lastSwap());
        assertFalse(bench.core.calls.contains("regionSwap"));
    }

    @Test
    void aMistypedSwapIsInTheStatusUntilOneIsAskedForThatCanBeHad() {
        OpenRegion region = bench.open("orders");
        assertThrows(ProviderMissingException.class, () -> region.swap(Map.of("strategy", "dirty-bits")));
        assertTrue(region.status().remarks().toString().contains("'dirty-bits'"));

        region.swap(Map.of("strategy", "dirty-bit")); // in force already

        assertFalse(region.status().remarks().toString().contains("'dirty-bits'"));
        assertThrows(ProviderMissingException.class, () -> region.swap(Map.of("strategy", "dirty-bits")));
        region.swap(Map.of("strategy", "write-protect"));
        assertFalse(region.status().remarks().toString().contains("'dirty-bits'"));
    }

    @Test
    void whatWasAnsweredIsInTheStatusForAWhileAndWhatStillHoldsUntilItDoesNot() {
        TupleInForce tuple = new TupleInForce(
                new RegionContext("orders", 0, 0, null, bench.services), new Tuple(null, null, null, null, List.of()));
        tuple.refuseForNow("mistyped", Duration.ofMinutes(10));
        assertEquals(List.of("mistyped"), tuple.remarks());
        tuple.refuseForNow("mistyped", Duration.ZERO);
        assertEquals(List.of(), tuple.remarks());
        tuple.refuse("its configuration is not followed");
        assertEquals(List.of("its configuration is not followed"), tuple.remarks());
    }

    @Test
    void aVmmBringsItsPageTable() {
        kvmArrives(-10);
        OpenRegion region = regions.open(
                "orders",
                RegionOptions.size(4096).withVmm("host").withPageTable("host").withStrategy("dirty-bit"),
                Bench.OWNER);

        assertEquals(
                "kvm/guest/dirty-bit/fake",
                region.swap(Map.of("vmm", "kvm")).to().toString());
        assertEquals(
                "host/host/dirty-bit/fake",
                region.swap(Map.of("pagetable", "host")).to().toString());
    }

    @Test
    void whatIsAskedForNeverGivesWay() {
        kvmArrives(-10);
        OpenRegion region = bench.open("orders");

        assertThrows(ProviderMissingException.class, () -> region.swap(Map.of("vmm", "kvm", "pagetable", "host")));

        assertEquals("host/host/dirty-bit/fake", tuple(region));
    }

    @Test
    void aSelectorThatMatchesNothingLeavesEverythingAsItIsAndIsSaid() {
        OpenRegion region = bench.open("orders");

        String message = assertThrows(
                        ProviderMissingException.class, () -> region.swap(Map.of("strategy", "(colour=pink)")))
                .getMessage();

        assertTrue(
                message.contains("no strategy matches '(colour=pink)'; there are: dirty-bit, write-protect"), message);
        assertEquals("host/host/dirty-bit/fake", tuple(region));
        assertTrue(region.status().remarks().contains(message));
        assertTrue(lastEvent().startsWith(RegionEvents.SWAP_REFUSED), lastEvent());
        region.swap(Map.of("strategy", "write-protect"));
        assertFalse(region.status().remarks().contains(message));
    }

    @Test
    void aProviderThatRefusesLeavesTheOldOneInForceAndTheReasonInEventAndStatus() {
        OpenRegion region = bench.open("orders");
        bench.core.failing.add("regionSwap");

        String message = assertThrows(RegionException.class, () -> region.swap(Map.of("strategy", "write-protect")))
                .getMessage();

        assertTrue(message.contains("stays on host/host/dirty-bit/fake"), message);
        assertTrue(message.contains("the kernel says no"), message);
        assertEquals("host/host/dirty-bit/fake", tuple(region));
        assertTrue(
                lastEvent().startsWith(RegionEvents.SWAP_REFUSED) && lastEvent().contains("the kernel says no"));
        assertTrue(region.status().remarks().contains(message));
    }

    @Test
    void aProviderThatThrowsLeavesTheOldOneInForce() {
        OpenRegion region = bench.open("orders");
        regions.providerArrived(
                Axis.STRATEGY,
                new Strategy() {
                    @Override
                    public String name() {
                        return "broken";
                    }

                    @Override
                    public long operations() {
                        throw new IllegalStateException("no library");
                    }

                    @Override
                    public Tracking tracking() {
                        return Tracking.WRITE_PROTECT;
                    }
                },
                FakeProviders.properties(Strategy.PROPERTY, "broken", 100, 9));

        assertEquals("host/host/dirty-bit/fake", tuple(region));
        assertTrue(region.status().remarks().toString().contains("no library"));
        assertTrue(lastEvent().startsWith(RegionEvents.SWAP_REFUSED), lastEvent());
    }

    @Test
    void aRefusedRequestIsNotMadeAgainWhenProvidersCome() {
        OpenRegion region = bench.open("orders");
        assertThrows(ProviderMissingException.class, () -> region.swap(Map.of("strategy", "hybrid")));

        regions.providerArrived(
                Axis.STRATEGY,
                FakeProviders.strategy("hybrid", Tracking.WRITE_PROTECT),
                FakeProviders.properties(Strategy.PROPERTY, "hybrid", -5, 9));

        assertEquals("host/host/dirty-bit/fake", tuple(region));
    }

    @Test
    void anAxisThereIsNoneOfIsNamed() {
        OpenRegion region = bench.open("orders");

        String message = assertThrows(InvalidRegionException.class, () -> region.swap(Map.of("colour", "red")))
                .getMessage();

        assertTrue(message.contains("no axis 'colour'; expected one of vmm, pagetable, strategy, store"), message);
    }

    @Test
    void aSwapWaitsForTheCommitInProgressAndASecondSwapForTheFirst() {
        OpenRegion region = bench.open("orders");
        bench.store.persistPermits.drainPermits();
        region.buffer(0, 1).put((byte) 1);
        Call<Long> commit = Bench.inAnotherThread(region::commit);
        await().until(() -> bench.store.persistsEntered.get() == 1);
        Call<RegionStatus.Swap> first = Bench.inAnotherThread(() -> region.swap(Map.of("strategy", "write-protect")))
                .awaitWaiting();
        Call<RegionStatus.Swap> second = Bench.inAnotherThread(() -> region.swap(Map.of("strategy", "dirty-bit")))
                .awaitWaiting();

        bench.store.persistPermits.release();

        assertEquals(1, commit.value());
        assertEquals("write-protect", first.value().to().strategy());
        assertEquals("write-protect", second.value().from().strategy());
        assertEquals("dirty-bit", second.value().to().strategy());
    }

    @Test
    void aSwapDoesNotWaitForSections() {
        OpenRegion region = bench.open("orders");
        region.section();

        assertEquals(
                "write-protect",
                Bench.inAnotherThread(() -> region.swap(Map.of("strategy", "write-protect")))
                        .value()
                        .to()
                        .strategy());
    }

    @Test
    void aPhaseObserverCannotSwapInsideACommit() {
        OpenRegion region = bench.open("orders");
        String[] refusal = new String[1];
        bench.observers.add((name, phase) -> {
            if (phase == Phase.CUT) {
                refusal[0] = assertThrows(
                                IllegalStateException.class, () -> region.swap(Map.of("strategy", "write-protect")))
                        .getMessage();
            }
        });

        region.commit();

        assertTrue(refusal[0].contains("inside a commit"), refusal[0]);
        assertEquals("host/host/dirty-bit/fake", tuple(region));
    }

    @Test
    void aClosedRegionIsNotSwapped() {
        OpenRegion region = bench.open("orders");
        region.close();

        assertThrows(RegionClosedException.class, () -> region.swap(Map.of("strategy", "write-protect")));
    }

    // Providers that come and go

    @Test
    void aProviderThatLeavesIsReplacedByTheNextBestAndOtherRegionsStayAsTheyAre() {
        OpenRegion automatic = bench.open("a");
        OpenRegion named = regions.open("b", RegionOptions.size(4096).withStrategy("write-protect"), Bench.OWNER);

        regions.providerLeaves(Axis.STRATEGY, bench.dirtyBit);

        assertEquals("host/host/write-protect/fake", tuple(automatic));
        assertEquals(State.OPEN, automatic.status().state());
        assertEquals(
                "its strategy goes away",
                automatic.status().lastSwap().orElseThrow().reason());
        assertEquals(Optional.empty(), named.status().lastSwap());
    }

    @Test
    void aBetterProviderThatComesIsTakenByWhoSelectsAutomaticallyOnly() {
        OpenRegion automatic = bench.open("a");
        OpenRegion named = regions.open("b", RegionOptions.size(4096).withVmm("host"), Bench.OWNER);
        OpenRegion filtered = regions.open(
                "c", RegionOptions.size(4096).withVmm("(|(colour=host-ish)(colour=kvm-ish))"), Bench.OWNER);

        kvmArrives(100);

        assertEquals("kvm/guest/dirty-bit/fake", tuple(automatic));
        assertEquals("host/host/dirty-bit/fake", tuple(named));
        assertEquals("kvm/guest/dirty-bit/fake", tuple(filtered));
    }

    @Test
    void aProviderWhoseRankingChangesIsSwappedToOrFrom() {
        OpenRegion region = bench.open("orders");

        regions.providerArrived(
                Axis.STRATEGY, bench.writeProtect, FakeProviders.properties(Strategy.PROPERTY, "write-protect", 50, 4));

        assertEquals("host/host/write-protect/fake", tuple(region));
    }

    @Test
    void aBetterProviderThatRefusesChangesNothing() {
        OpenRegion region = bench.open("orders");
        bench.core.failing.add("regionSwap");

        kvmArrives(100);

        assertEquals("host/host/dirty-bit/fake", tuple(region));
        assertTrue(region.status().remarks().toString().contains("the kernel says no"));
    }

    @Test
    void withoutAProviderThatItsSelectorsMatchARegionIsDegradedUntilOneComes() {
        OpenRegion region = regions.open("orders", RegionOptions.size(4096).withStrategy("dirty-bit"), Bench.OWNER);

        regions.providerLeaves(Axis.STRATEGY, bench.dirtyBit);

        assertEquals(State.DEGRADED, region.status().state());
        assertEquals("none/none/none/fake", tuple(region));
        assertTrue(lastEvent().startsWith(RegionEvents.DEGRADED), lastEvent());
        String remark = region.status().remarks().get(0);
        assertTrue(
                remark.contains("its strategy goes away, and region 'orders': no strategy matches 'dirty-bit'"),
                remark);
        region.buffer(0, 1).put((byte) 7);
        assertEquals(1, region.commit());
        assertEquals(7, bench.store.durableContent("orders")[0]);

        dirtyBitArrives();

        assertEquals(State.OPEN, region.status().state());
        assertEquals("host/host/dirty-bit/fake", tuple(region));
        assertTrue(lastEvent().startsWith(RegionEvents.SWAPPED), lastEvent());
    }

    @Test
    void anotherProviderThatRefusesWhenOneLeavesMeansDegraded() {
        OpenRegion region = bench.open("orders");
        bench.core.failing.add("regionSwap");

        regions.providerLeaves(Axis.STRATEGY, bench.dirtyBit);

        assertEquals(State.DEGRADED, region.status().state());
        assertTrue(region.status().remarks().toString().contains("the kernel says no"));
        region.swap(Map.of("strategy", "write-protect"));
        assertEquals(State.OPEN, region.status().state());
    }

    @Test
    void aDegradedRegionCanBeSwappedByRequest() {
        OpenRegion region = regions.open("orders", RegionOptions.size(4096).withStrategy("dirty-bit"), Bench.OWNER);
        regions.providerLeaves(Axis.STRATEGY, bench.dirtyBit);

        assertEquals(
                "none", region.swap(Map.of("strategy", "write-protect")).from().strategy());

        assertEquals(State.OPEN, region.status().state());
    }

    @Test
    void aProviderLeavesOnlyWhenTheCommitInItIsOver() {
        OpenRegion region = bench.open("orders");
        bench.store.persistPermits.drainPermits();
        region.buffer(0, 1).put((byte) 1);
        Call<Long> commit = Bench.inAnotherThread(region::commit);
        await().until(() -> bench.store.persistsEntered.get() == 1);
        Call<Object> leaving = Bench.inAnotherThread(() -> {
                    regions.providerLeaves(Axis.STRATEGY, bench.dirtyBit);
                    return null;
                })
                .awaitWaiting();

        bench.store.persistPermits.release();

        assertEquals(1, commit.value());
        leaving.value();
        assertEquals("host/host/write-protect/fake", tuple(region));
    }

    @Test
    void aProviderLeavesOnlyWhenTheCloseInItIsOver() throws InterruptedException {
        OpenRegion region = bench.open("orders");
        CountDownLatch destroying = new CountDownLatch(1);
        CountDownLatch destroyed = new CountDownLatch(1);
        bench.core.duringDestroy = () -> {
            destroying.countDown();
            try {
                destroyed.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        };
        Call<Object> closing = Bench.inAnotherThread(() -> {
            region.close();
            return null;
        });
        destroying.await();
        assertFalse(region.isOpen());

        Call<Object> leaving = Bench.inAnotherThread(() -> {
                    regions.providerLeaves(Axis.STRATEGY, bench.dirtyBit);
                    return null;
                })
                .awaitWaiting();

        destroyed.countDown();
        leaving.value();
        closing.value();
    }

    @Test
    void aProviderThatComesWhileARegionIsOpenedIsNotMissed() {
        bench.store.duringOpen = () -> kvmArrives(100);

        assertEquals("kvm/guest/dirty-bit/fake", tuple(bench.open("orders")));
    }

    // The store

    @Test
    void withoutItsStoreARegionGoesOnAndCommitsAreRefusedByTheStoresName() {
        OpenRegion region = bench.open("orders");
        region.buffer(0, 1).put((byte) 1);
        region.commit();
        region.buffer(0, 1).put((byte) 2);

        regions.providerLeaves(Axis.STORE, bench.store);

        assertEquals(0, bench.store.openImages.get());
        assertEquals(State.DEGRADED, region.status().state());
        assertEquals("host/host/dirty-bit/none", tuple(region));
        assertEquals(2, region.buffer(0, 1).get());
        for (Runnable commit : List.<Runnable>of(
                region::commit,
                () -> region.atomically(() -> {
                    throw new AssertionError("what cannot be committed is not begun");
                }))) {
            String message =
                    assertThrows(ProviderMissingException.class, commit::run).getMessage();
            assertTrue(message.contains("its store 'fake' is away"), message);
        }
        region.buffer(1, 1).put((byte) 3);
        region.rollback();
        assertEquals(1, region.buffer(0, 1).get());
        assertEquals(0, region.buffer(1, 1).get());
    }

    @Test
    void aStoreThatComesBackTakesTheRegionUpWithItsUncommittedStores() {
        OpenRegion region = bench.open("orders");
        region.buffer(0, 1).put((byte) 1);
        region.commit();
        regions.providerLeaves(Axis.STORE, bench.store);
        region.buffer(0, 1).put((byte) 2);

        storeArrives();

        assertEquals(State.OPEN, region.status().state());
        assertEquals("host/host/dirty-bit/fake", tuple(region));
        assertEquals(1, bench.store.durableContent("orders")[0]);
        assertEquals(2, region.commit());
        assertEquals(2, bench.store.durableContent("orders")[0]);
        region.close();
        assertEquals(0, bench.store.openImages.get());
        assertEquals(Map.of(), bench.core.duplicates);
        assertEquals(0, bench.core.mappings());
    }

    private void storeArrives() {
        regions.providerArrived(
                Axis.STORE,
                bench.store,
                FakeProviders.properties(org.vellum.api.provider.Store.PROPERTY, "fake", 0, 5));
    }

    @Test
    void aRegionClosedWithoutItsStoreLeavesNothingBehind() {
        OpenRegion region = bench.open("orders");
        regions.providerLeaves(Axis.STORE, bench.store);

        region.close();

        assertEquals(Map.of(), bench.core.duplicates);
        assertEquals(0, bench.core.mappings());
    }

    @Test
    void aStoreThatDoesNotOpenTheImageAgainIsTriedWhenAProviderComesNext() {
        OpenRegion region = bench.open("orders");
        regions.providerLeaves(Axis.STORE, bench.store);
        bench.store.failing.add("open");

        storeArrives();

        assertEquals(State.DEGRADED, region.status().state());
        assertTrue(region.status().remarks().toString().contains("open broke"));
        storeArrives();
        assertEquals(State.OPEN, region.status().state());
    }

    @Test
    void anImageThatOthersHaveWrittenMeanwhileIsNotGoneOnWith() {
        OpenRegion region = bench.open("orders");
        regions.providerLeaves(Axis.STORE, bench.store);
        bench.store.changeBehindTheBack("orders");

        storeArrives();

        assertEquals(State.FAILED, region.status().state());
        assertTrue(region.status().remarks().toString().contains("went on from epoch 0"));
        assertEquals(0, bench.store.openImages.get());
    }

    @Test
    void anImageThatCannotBeWrittenBackClosesItsRegion() {
        OpenRegion region = bench.open("orders");
        bench.store.writesBack = false;

        regions.providerLeaves(Axis.STORE, bench.store);

        assertFalse(region.isOpen());
        assertEquals(Map.of(), bench.core.duplicates);
        assertEquals(0, bench.core.mappings());
    }

    @Test
    void anImageThatSomebodyOpensAtOnceClosesItsRegion() {
        OpenRegion region = bench.open("orders");
        bench.core.failing.add("fileLock");

        regions.providerLeaves(Axis.STORE, bench.store);

        assertFalse(region.isOpen());
        assertEquals(Map.of(), bench.core.duplicates);
        assertEquals(0, bench.core.mappings());
    }

    private FakeStore anotherStore(FakeStore other) {
        regions.providerArrived(
                Axis.STORE, other, FakeProviders.properties(org.vellum.api.provider.Store.PROPERTY, "other", -5, 16));
        return other;
    }

    @Test
    void aStoreThatOpensTheSameFilesIsSwappedToByRequestAndTheUncommittedStoresStay() {
        OpenRegion region = bench.open("orders");
        region.buffer(0, 1).put((byte) 1);
        region.commit();
        region.buffer(0, 1).put((byte) 2);
        FakeStore other = anotherStore(bench.store.onTheSameFiles());

        RegionStatus.Swap swap = region.swap(Map.of("store", "other", "strategy", "write-protect"));

        assertEquals("host/host/write-protect/fake", swap.to().toString());
        assertSame(other, region.tuple().store());
        assertEquals(0, bench.store.openImages.get());
        assertEquals(1, other.openImages.get());
        assertEquals(State.OPEN, region.status().state());
        assertEquals(2, region.commit());
        assertEquals(2, other.durableContent("orders")[0]);
        region.close();
        assertEquals(0, bench.core.mappings());
        assertEquals(Map.of(), bench.core.duplicates);
    }

    @Test
    void aCommitWaitsWhileOneStoreTakesTheImageFromAnother() throws InterruptedException {
        OpenRegion region = bench.open("orders");
        region.buffer(0, 1).put((byte) 1);
        FakeStore other = anotherStore(bench.store.onTheSameFiles());
        CountDownLatch opening = new CountDownLatch(1);
        CountDownLatch opened = new CountDownLatch(1);
        other.duringOpen = () -> {
            opening.countDown();
            try {
                opened.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        };
        Call<RegionStatus.Swap> swap = Bench.inAnotherThread(() -> region.swap(Map.of("store", "other")));
        opening.await();
        Call<Long> commit = Bench.inAnotherThread(region::commit).awaitWaiting();
        assertEquals(State.OPEN, region.status().state());

        opened.countDown();

        swap.value();
        assertEquals(1, commit.value());
        assertEquals(1, other.durableContent("orders")[0]);
    }

    @Test
    void aStoreWithoutTheImageIsRefusedAndTheOldOneGoesOn() {
        OpenRegion region = bench.open("orders");
        anotherStore(new FakeStore(bench.core));

        String message = assertThrows(RegionException.class, () -> region.swap(Map.of("store", "other")))
                .getMessage();

        assertTrue(
                message.contains("stays on host/host/dirty-bit/fake") && message.contains("does not exist"), message);
        assertSame(bench.store, region.tuple().store());
        region.buffer(0, 1).put((byte) 3);
        assertEquals(1, region.commit());
        assertEquals(Map.of(), bench.core.duplicates);
    }

    @Test
    void aStoreThatRanksBetterDoesNotMoveTheImage() {
        OpenRegion region = bench.open("orders");
        FakeStore better = new FakeStore(bench.core);

        regions.providerArrived(
                Axis.STORE,
                better,
                FakeProviders.properties(org.vellum.api.provider.Store.PROPERTY, "better", 100, 15));

        assertSame(bench.store, region.tuple().store());
    }
}
