// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.testing;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.api.provider.Vmm;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.registry.Owner;
import org.vellum.runtime.registry.Regions;
import org.vellum.runtime.services.PhaseObservers;
import org.vellum.runtime.services.RuntimeServices;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** A runtime on fakes of everything below it. */
public final class Bench {
    public static final Owner OWNER = () -> "the test";

    public static final Duration PATIENCE = Duration.ofMillis(200);

    public final FakeCore core = new FakeCore();
    public final FakeStore store = new FakeStore(core);
    public final List<String> phases = new CopyOnWriteArrayList<>();
    public final List<String> events = new CopyOnWriteArrayList<>();
    public final PhaseObservers observers = new PhaseObservers();
    public final Vmm vmm = FakeProviders.vmm("host");
    public final PageTable pageTable =
            FakeProviders.pageTable("host", (self, other) -> other.name().equals("host"), tracking -> Optional.empty());
    public final Strategy dirtyBit = FakeProviders.strategy("dirty-bit", Tracking.DIRTY_BIT);
    public final Strategy writeProtect = FakeProviders.strategy("write-protect", Tracking.WRITE_PROTECT);
    public final RuntimeServices services = new RuntimeServices(
            core, observers, (topic, properties) -> events.add(topic + " " + Map.copyOf(properties)), PATIENCE);
    public final Regions regions = new Regions(services, 0);

    /** With all providers there. */
    public static Bench complete() {
        Bench bench = new Bench();
        bench.observers.add((region, phase) -> bench.phases.add(phase.name()));
        bench.regions.providerArrived(Axis.VMM, bench.vmm, FakeProviders.properties(Vmm.PROPERTY, "host", 0, 1));
        bench.regions.providerArrived(
                Axis.PAGE_TABLE, bench.pageTable, FakeProviders.properties(PageTable.PROPERTY, "host", 0, 2));
        bench.regions.providerArrived(
                Axis.STRATEGY, bench.dirtyBit, FakeProviders.properties(Strategy.PROPERTY, "dirty-bit", 10, 3));
        bench.regions.providerArrived(
                Axis.STRATEGY, bench.writeProtect, FakeProviders.properties(Strategy.PROPERTY, "write-protect", 0, 4));
        bench.regions.providerArrived(Axis.STORE, bench.store, FakeProviders.properties(Store.PROPERTY, "fake", 0, 5));
        return bench;
    }

    public OpenRegion open(String name) {
        return regions.open(name, RegionOptions.size(4 * 4096), OWNER);
    }

    /** A call on a thread of its own. */
    public record Call<T>(Thread thread, CompletableFuture<T> result) {
        /** Returns when the call waits for something. */
        public Call<T> awaitWaiting() {
            await().until(() ->
                    thread.getState() == Thread.State.WAITING || thread.getState() == Thread.State.TIMED_WAITING);
            assertFalse(result.isDone());
            return this;
        }

        public T value() {
            return result.orTimeout(10, TimeUnit.SECONDS).join();
        }

        /** What it threw. */
        public <E extends Throwable> E failure(Class<E> expected) {
            CompletionException e = assertThrows(CompletionException.class, this::value);
            return assertInstanceOf(expected, e.getCause());
        }
    }

    public static <T> Call<T> inAnotherThread(Callable<T> task) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                result.complete(task.call());
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return new Call<>(thread, result);
    }
}
