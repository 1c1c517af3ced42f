// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.vellum.api.CommitException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus.State;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Vmm;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.testing.Bench;
import org.vellum.runtime.testing.FakeProviders;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Regions that are written in place: who is, how they commit, and how they end. */
class InPlaceTest {
    private static final long PRE_IMAGE = 4096 + 64;

    private final Bench bench = Bench.complete();

    InPlaceTest() {
        bench.store.addressable = true;
    }

    private OpenRegion open(String strategy) {
        return bench.regions.open("orders", RegionOptions.size(4 * 4096).withStrategy(strategy), Bench.OWNER);
    }

    private static boolean inPlace(OpenRegion region) {
        return region.status().remarks().stream().anyMatch(remark -> remark.startsWith("written in place"));
    }

    private static void store(OpenRegion region, int offset, int value) {
        region.buffer(offset, 1).put(0, (byte) value);
    }

    @Test
    void firstStoresThatAreInterceptedOnAStoreThatIsAddressableGoInPlace() {
        try (OpenRegion region = open("write-protect")) {
            assertTrue(inPlace(region));
        }
        try (OpenRegion region = open("dirty-bit")) {
            assertFalse(inPlace(region));
        }
        bench.store.addressable = false;
        try (OpenRegion region = open("write-protect")) {
            assertFalse(inPlace(region));
        }
    }

    @Test
    void aCommitIsOneCallAndNoBatch() {
        OpenRegion region = open("write-protect");
        store(region, 5000, 7);
        store(region, 9000, 8);
        bench.core.calls.clear();

        assertEquals(1, region.commit());

        assertEquals(List.of("regionCommitInPlace"), bench.core.calls);
        assertEquals(0, bench.store.persistsEntered.get());
        assertEquals(1, region.status().epoch());
        assertEquals(1, region.status().commits());
        assertEquals(2, region.status().dirtyPages());
        assertEquals(2 * PRE_IMAGE, region.status().loggedBytes());
        assertEquals(1, region.commit(), "nothing was stored");
        assertEquals(1, region.status().commits());
    }

    @Test
    void activityShowsThePagesOfEachCommit() {
        OpenRegion region = open("write-protect");
        store(region, 5000, 7);
        store(region, 9000, 8);
        region.commit();
        region.commit(); // nothing was stored, so no page is written again
        store(region, 100, 9);
        region.commit();

        assertArrayEquals(new long[] {2, 1, 1, 0}, region.activity().heat(4).lastWritten());
    }

    @Test
    void rollbackAndABodyThatThrowsReturnToTheLastCommit() {
        OpenRegion region = open("write-protect");
        store(region, 0, 1);
        region.commit();
        store(region, 0, 2);
        region.rollback();
        assertEquals(1, region.buffer(0, 1).get(0));
        assertThrows(
                IllegalArgumentException.class,
                () -> region.atomically(() -> {
                    store(region, 0, 3);
                    throw new IllegalArgumentException();
                }));
        assertEquals(1, region.buffer(0, 1).get(0));
        assertEquals(2, region.atomically(() -> store(region, 0, 4)));
    }

    @Test
    void theCoreLetsGoBeforeTheImageIsLoggedAgainAndThenItIsClosed() {
        OpenRegion region = open("write-protect");
        store(region, 5000, 7);
        region.commit();
        store(region, 5000, 9);
        bench.store.calls.clear();
        region.close();
        assertEquals("regionDestroy", bench.core.calls.get(bench.core.calls.size() - 1));
        assertEquals(List.of("endInPlace", "close"), bench.store.calls);
        try (OpenRegion again = open("dirty-bit")) {
            assertEquals(1, again.status().epoch());
            assertEquals(7, again.buffer(5000, 1).get(0));
        }
    }

    @Test
    void anImageThatCannotEndIsClosedAllTheSame() {
        OpenRegion region = open("write-protect");
        bench.store.failing.add("endInPlace");
        region.close();
        assertEquals(0, bench.store.openImages.get());
    }

    @Test
    void whereInPlaceIsImpossibleARegionGoesByRedoAndSaysWhy() {
        for (String impossible : List.of("beginInPlace", "regionCreateInPlace")) {
            bench.store.failing.add(impossible);
            bench.core.failing.add(impossible);
            try (OpenRegion region = open("write-protect")) {
                bench.store.failing.clear();
                bench.core.failing.clear();
                assertFalse(inPlace(region));
                String remark = region.status().remarks().get(0);
                assertTrue(remark.startsWith("not written in place, but by redo: "), remark);
                store(region, 0, 1);
                region.commit();
            }
            assertEquals(0, bench.core.mappings());
        }
    }

    @Test
    void aTupleThatDoesNotAttachLeavesNothing() {
        bench.core.failing.add("regionAttach");
        assertThrows(RegionException.class, () -> open("write-protect"));
        assertEquals(0, bench.core.mappings());
        assertEquals(0, bench.store.openImages.get());
        assertTrue(bench.store.calls.contains("endInPlace"));
    }

    @Test
    void observersLearnThatThereIsNothingBetweenCutAndReturn() {
        List<Set<Phase>> told = new ArrayList<>();
        bench.observers.add(new PhaseObserver() {
            @Override
            public void entered(String region, Phase phase) {}

            @Override
            public void passesThrough(String region, Set<Phase> phases) {
                told.add(phases);
            }
        });
        open("write-protect").close();
        open("dirty-bit").close();
        assertEquals(List.of(EnumSet.of(Phase.STORE, Phase.CUT, Phase.RECOVERY), EnumSet.allOf(Phase.class)), told);
    }

    // To a working image in memory, and back

    @Test
    void aStrategyThatLearnsOfAPageTooLateIsSwappedToWithAWorkingImageAndBackInPlace() {
        OpenRegion region = open("write-protect");
        store(region, 5000, 7);
        region.commit();
        store(region, 5000, 9);
        store(region, 100, 3);

        region.swap(Map.of("strategy", "dirty-bit"));

        assertFalse(inPlace(region));
        assertEquals(1, region.status().epoch());
        assertEquals(9, region.buffer(5000, 1).get(0));
        region.rollback();
        assertEquals(7, region.buffer(5000, 1).get(0));
        store(region, 100, 4);
        assertEquals(2, region.commit());
        assertEquals(1, bench.store.persistsEntered.get());
        store(region, 100, 5);

        region.swap(Map.of("strategy", "write-protect"));

        assertTrue(inPlace(region));
        assertEquals(5, region.buffer(100, 1).get(0));
        assertEquals(3, region.commit());
        assertEquals(1, bench.store.persistsEntered.get());
        region.close();
        assertEquals(0, bench.core.mappings());
        try (OpenRegion again = open("dirty-bit")) {
            assertEquals(5, again.buffer(100, 1).get(0));
            assertEquals(7, again.buffer(5000, 1).get(0));
        }
    }

    @Test
    void whatWasLoggedIsCountedAcrossBoth() {
        OpenRegion region = open("write-protect");
        store(region, 5000, 7);
        region.commit();
        region.swap(Map.of("strategy", "dirty-bit"));
        region.swap(Map.of("strategy", "write-protect"));
        store(region, 5000, 8);
        region.commit();

        assertEquals(2 * PRE_IMAGE, region.status().loggedBytes());
    }

    @Test
    void whereAWorkingImageCannotBeHadItStaysInPlaceWithTheStrategyItHad() {
        OpenRegion region = open("write-protect");
        bench.core.failing.add("relocation");

        assertThrows(RegionException.class, () -> region.swap(Map.of("strategy", "dirty-bit")));

        assertTrue(inPlace(region));
        assertEquals("host/host/write-protect/fake", region.status().providers().toString());
        store(region, 0, 1);
        assertEquals(1, region.commit());
    }

    @Test
    void whereItCannotGoIntoPlaceItIsSwappedAllTheSameAndSaysWhy() {
        for (String impossible : List.of("beginInPlace", "relocation")) {
            try (OpenRegion region = open("dirty-bit")) {
                bench.store.failing.add(impossible);
                bench.core.failing.add(impossible);

                region.swap(Map.of("strategy", "write-protect"));

                bench.store.failing.clear();
                bench.core.failing.clear();
                assertEquals(
                        "host/host/write-protect/fake",
                        region.status().providers().toString());
                assertTrue(region.status().remarks().stream()
                        .anyMatch(remark -> remark.startsWith("not written in place, but by redo: ")));
                store(region, 0, (int) region.status().epoch() + 1);
                region.commit();
            }
        }
        assertEquals(0, bench.core.mappings());
    }

    @Test
    void anImageThatCannotBeLoggedAgainTakesNoCommits() {
        OpenRegion region = open("write-protect");
        bench.store.failing.add("endInPlace");

        assertThrows(RegionException.class, () -> region.swap(Map.of("strategy", "dirty-bit")));

        assertEquals(State.FAILED, region.status().state());
        assertThrows(CommitException.class, region::commit);
        region.close();
        assertEquals(0, bench.store.openImages.get());
    }

    @Test
    void withoutATrackingProviderItIsDegradedAndInPlaceAgainBehindThat() {
        OpenRegion region = open("write-protect");
        store(region, 0, 1);
        bench.regions.providerLeaves(Axis.VMM, bench.vmm);

        assertEquals(State.DEGRADED, region.status().state());
        assertFalse(inPlace(region));
        assertEquals(1, region.commit());

        bench.regions.providerArrived(Axis.VMM, bench.vmm, FakeProviders.properties(Vmm.PROPERTY, "host", 0, 1));
        assertEquals(State.OPEN, region.status().state());
        assertTrue(inPlace(region));
        store(region, 0, 2);
        assertEquals(2, region.commit());
    }

    @Test
    void withoutItsStoreItGoesOnAndIsInPlaceAgainBehindThat() {
        OpenRegion region = open("write-protect");
        store(region, 0, 1);
        bench.regions.providerLeaves(Axis.STORE, bench.store);

        assertEquals(State.DEGRADED, region.status().state());
        assertFalse(inPlace(region));
        assertThrows(ProviderMissingException.class, region::commit);

        bench.regions.providerArrived(Axis.STORE, bench.store, FakeProviders.properties(Store.PROPERTY, "fake", 0, 5));
        assertTrue(inPlace(region));
        assertEquals(1, region.commit());
        assertEquals(1, region.buffer(0, 1).get(0));
    }
}
