// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.vellum.api.AbandonedSectionException;
import org.vellum.api.CommitException;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.Section;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.api.provider.Vmm;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.registry.Regions;
import org.vellum.runtime.services.PhaseObservers;
import org.vellum.runtime.services.RuntimeServices;
import org.vellum.runtime.testing.Bench;
import org.vellum.runtime.testing.FakeCore;
import org.vellum.runtime.testing.FakeProviders;
import org.vellum.runtime.testing.FakeStore;
import org.vellum.runtime.waiting.Watch;
import org.vellum.schedules.Scenario;

/** Whole regions on fakes of everything below them: who is served by which commit, and what swaps and moves do meanwhile. */
@SuppressWarnings("try") // sections are opened to be open
public final class RegionScenarios {
    private static final int PAGE = 4096;

    private RegionScenarios() {}

    public static List<Supplier<Scenario>> all() {
        return List.of(
                GroupCommit::new,
                GroupCommitThatFails::new,
                SectionsAreWhole::new,
                BodiesAreWhole::new,
                ProviderThatGoes::new,
                StoreThatGoes::new,
                MoveUnderCommits::new,
                CommitInTheMiddleOfACopy::new,
                CloseUnderEverything::new,
                SectionThatWaitsUnderASwap::new);
    }

    private abstract static class OnRegion extends Scenario {
        @Override
        public final boolean needsFairness() {
            return true;
        }

        final FakeCore core = new FakeCore();
        final FakeStore store = new FakeStore(core);
        final FakeStore other = new FakeStore(core, "other");
        final PhaseObservers observers = new PhaseObservers();
        final Regions regions = new Regions(
                new RuntimeServices(core, observers, (topic, properties) -> {}, Duration.ofMinutes(10), Watch.none()),
                0);
        final AtomicBoolean gone = new AtomicBoolean();
        final Strategy dirtyBit = strategy("dirty-bit");
        final Strategy second = strategy("second");
        OpenRegion region;

        /** One that nobody may ask for anything once it is gone. */
        private Strategy strategy(String name) {
            return new Strategy() {
                @Override
                public String name() {
                    return name;
                }

                @Override
                public long operations() {
                    require(!name.equals("dirty-bit") || !gone.get(), "a provider is used that is gone");
                    return 3;
                }

                @Override
                public Tracking tracking() {
                    return Tracking.DIRTY_BIT;
                }
            };
        }

        final void open() {
            store.receives = true;
            other.receives = true;
            Vmm vmm = FakeProviders.vmm("host");
            PageTable pageTable = FakeProviders.pageTable("host", (self, with) -> true, tracking -> Optional.empty());
            regions.providerArrived(Axis.VMM, vmm, FakeProviders.properties(Vmm.PROPERTY, "host", 0, 1));
            regions.providerArrived(
                    Axis.PAGE_TABLE, pageTable, FakeProviders.properties(PageTable.PROPERTY, "host", 0, 2));
            regions.providerArrived(
                    Axis.STRATEGY, dirtyBit, FakeProviders.properties(Strategy.PROPERTY, "dirty-bit", 1, 3));
            regions.providerArrived(Axis.STORE, store, FakeProviders.properties(Store.PROPERTY, "fake", 1, 5));
            regions.providerArrived(Axis.STORE, other, FakeProviders.properties(Store.PROPERTY, "other", 0, 6));
            region = regions.open("orders", RegionOptions.size(4 * PAGE), Bench.OWNER);
        }

        final void store(int page, int value) {
            region.buffer(page * PAGE, 1).put(0, (byte) value);
        }

        final int durable(int page) {
            return store.durableContent("orders")[page * PAGE];
        }
    }

    /** Three that store and commit: whoever returns finds the stores durable. */
    static final class GroupCommit extends OnRegion {
        @Override
        public void run() throws Throwable {
            open();
            for (int i = 0; i < 3; i++) {
                int page = i;
                start("committer " + i, () -> {
                    store(page, 1);
                    region.commit();
                    require(durable(page) == 1, "committed, and not durable");
                });
            }
            joinAll();
        }
    }

    /** The same, and the store refuses one batch. */
    static final class GroupCommitThatFails extends OnRegion {
        @Override
        public void run() throws Throwable {
            open();
            store.failing.add("persist");
            for (int i = 0; i < 3; i++) {
                int page = i;
                start("committer " + i, () -> {
                    store(page, 1);
                    try {
                        region.commit();
                    } catch (CommitException e) {
                        return;
                    }
                    require(durable(page) == 1, "committed, and not durable");
                });
            }
            joinAll();
            region.commit();
            for (int page = 0; page < 3; page++) {
                require(durable(page) == 1, "lost by the commit that failed");
            }
        }
    }

    /** Every commit has all of a section or nothing. */
    static final class SectionsAreWhole extends OnRegion {
        @Override
        public void run() throws Throwable {
            open();
            start("writer", () -> {
                for (int i = 1; i <= 2; i++) {
                    try (Section section = region.section()) {
                        store(0, i);
                        store(1, i);
                    }
                }
            });
            start("other writer", () -> {
                try (Section section = region.section()) {
                    store(2, 1);
                    store(3, 1);
                }
            });
            start("committer", () -> {
                for (int i = 0; i < 2; i++) {
                    region.commit();
                    require(durable(0) == durable(1), "half of a section was committed");
                    require(durable(2) == durable(3), "half of a section was committed");
                }
            });
            joinAll();
            region.commit();
            require(durable(0) == 2 && durable(1) == 2 && durable(2) == 1 && durable(3) == 1, "a section is lost");
        }
    }

    /** A body that fails leaves nothing, one that returns leaves all, whoever else commits. */
    static final class BodiesAreWhole extends OnRegion {
        @Override
        public void run() throws Throwable {
            open();
            start("failing", () -> {
                try {
                    region.atomically(() -> {
                        store(0, 1);
                        store(1, 1);
                        throw new IllegalStateException("no");
                    });
                } catch (IllegalStateException e) {
                    require(e.getMessage().equals("no"), e.getMessage());
                }
            });
            start(
                    "working",
                    () -> region.<RuntimeException>atomically(() -> {
                        store(2, 1);
                        store(3, 1);
                    }));
            start("committer", () -> {
                try {
                    region.commit();
                } catch (AbandonedSectionException e) {
                    throw new AssertionError("a body was not rolled back though no section stayed open", e);
                }
                require(durable(0) == 0 && durable(1) == 0, "a body that failed was committed");
                require(durable(2) == durable(3), "half of a body was committed");
            });
            start("writer", () -> region.section().close());
            joinAll();
            require(durable(2) == 1 && durable(3) == 1, "a body is lost");
        }
    }

    /** A provider goes while another one comes and others commit: when that returns, nobody uses it. */
    static final class ProviderThatGoes extends OnRegion {
        @Override
        public void run() throws Throwable {
            open();
            start("leaving", () -> {
                regions.providerLeaves(Axis.STRATEGY, dirtyBit);
                gone.set(true);
            });
            start(
                    "coming",
                    () -> regions.providerArrived(
                            Axis.STRATEGY, second, FakeProviders.properties(Strategy.PROPERTY, "second", 0, 4)));
            start("committer", () -> {
                store(0, 1);
                region.commit();
                require(durable(0) == 1, "committed, and not durable");
            });
            start("swapper", () -> {
                try {
                    region.swap(Map.of("strategy", "second"));
                } catch (RegionException e) {
                    // it has not come yet
                }
            });
            joinAll();
            store(1, 2);
            region.commit();
            require(durable(1) == 2, "committed, and not durable");
            require(
                    "second".equals(region.status().providers().strategy()),
                    region.status().toString());
        }
    }

    /** The store goes and comes back while others commit: what was acknowledged is there. */
    static final class StoreThatGoes extends OnRegion {
        @Override
        public void run() throws Throwable {
            open();
            start("leaving", () -> {
                regions.providerLeaves(Axis.STORE, store);
                require(store.openImages.get() == 0, "the store has gone, and its image is open");
                regions.providerArrived(Axis.STORE, store, FakeProviders.properties(Store.PROPERTY, "fake", 1, 5));
            });
            start("committer", () -> {
                for (int i = 1; i <= 2; i++) {
                    store(0, i);
                    try {
                        region.commit();
                    } catch (RegionException e) {
                        continue; // it is away
                    }
                    require(durable(0) == i, "committed, and not durable");
                }
            });
            start("writer", () -> region.section().close());
            joinAll();
            store(1, 2);
            region.commit();
            require(durable(0) == 2 && durable(1) == 2, "committed, and not durable");
        }
    }

    /** The image goes to another store while others commit: it arrives with all of it. */
    static final class MoveUnderCommits extends OnRegion {
        @Override
        public void run() throws Throwable {
            open();
            start("mover", () -> region.swap(Map.of("store", "other")));
            start("committer", () -> {
                for (int i = 1; i <= 2; i++) {
                    store(0, i);
                    store(3, i);
                    region.commit();
                }
            });
            start("writer", () -> {
                try (Section section = region.section()) {
                    store(1, 1);
                    store(2, 1);
                }
            });
            joinAll();
            region.commit();
            byte[] there = other.durableContent("orders");
            require(
                    there[0] == 2 && there[PAGE] == 1 && there[2 * PAGE] == 1 && there[3 * PAGE] == 2,
                    "a commit did not arrive: " + there[0] + there[PAGE] + there[2 * PAGE] + there[3 * PAGE]);
            region.close();
            require(store.openImages.get() == 0 && other.openImages.get() == 0, "an image is open");
        }
    }

    /** A page is copied to another store at the very time at which a commit changes it: it arrives as the commit left it. */
    static final class CommitInTheMiddleOfACopy extends OnRegion {
        @Override
        public void run() throws Throwable {
            open();
            CountDownLatch receiving = new CountDownLatch(1);
            CountDownLatch committing = new CountDownLatch(1);
            other.duringReceive = () -> {
                receiving.countDown();
                try {
                    committing.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            };
            start("mover", () -> region.swap(Map.of("store", "other")));
            receiving.await();
            store(0, 1);
            committing.countDown();
            region.commit();
            joinAll();
            require(other.durableContent("orders")[0] == 1, "a commit did not arrive");
        }
    }

    /** A close among all the others: they do what they do, or are told; and afterwards nothing is open. */
    static final class CloseUnderEverything extends OnRegion {
        @Override
        public void run() throws Throwable {
            open();
            start("closer", region::close);
            start("mover", () -> {
                try {
                    region.swap(Map.of("store", "other"));
                } catch (RegionException e) {
                    // closed meanwhile
                }
            });
            start("committer", () -> {
                try {
                    region.commit();
                } catch (RegionClosedException e) {
                    // closed before
                }
            });
            start("writer", () -> {
                try (Section section = region.section()) {
                    require(region.isOpen(), "closed under a section");
                } catch (RegionClosedException e) {
                    // closed before
                }
            });
            joinAll();
            require(store.openImages.get() == 0 && other.openImages.get() == 0, "an image is open");
            require(core.heldRegions.isEmpty(), "a region is mapped");
        }
    }

    /** A section waits for one of another thread while a commit waits for a swap and sections. */
    static final class SectionThatWaitsUnderASwap extends OnRegion {
        @Override
        public void run() throws Throwable {
            open();
            regions.providerArrived(Axis.STRATEGY, second, FakeProviders.properties(Strategy.PROPERTY, "second", 0, 4));
            CountDownLatch done = new CountDownLatch(1);
            start("swapper", () -> region.swap(Map.of("strategy", "second")));
            start("holder", () -> {
                try (Section section = region.section()) {
                    done.await();
                }
            });
            start("worker", () -> {
                region.section().close();
                done.countDown();
            });
            start("committer", () -> {
                store(0, 1);
                region.commit();
                require(durable(0) == 1, "committed, and not durable");
            });
            joinAll();
        }
    }
}
