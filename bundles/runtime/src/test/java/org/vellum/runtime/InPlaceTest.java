package org.vellum.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;

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
        assertThrows(IllegalArgumentException.class, () -> region.atomically(() -> {
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
        assertEquals(
                List.of(EnumSet.of(Phase.STORE, Phase.CUT, Phase.RECOVERY), EnumSet.allOf(Phase.class)), told);
    }

    /** Its home image is what the application stores to: without the store there is nowhere to go. */
    @Test
    void itClosesWithItsStore() {
        OpenRegion region = open("write-protect");
        bench.regions.providerLeaves(Providers::stores, bench.store);
        assertFalse(region.isOpen());
    }
}
