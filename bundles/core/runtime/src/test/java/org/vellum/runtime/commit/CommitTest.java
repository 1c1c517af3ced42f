// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.vellum.api.CommitException;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.testing.Bench;
import org.vellum.runtime.testing.Bench.Call;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class CommitTest {
    private final Bench bench = Bench.complete();
    private final OpenRegion region = bench.open("orders");

    private void store(int offset, int value) {
        region.buffer(offset, 1).put(0, (byte) value);
    }

    private int durable(int offset) {
        return bench.store.durableContent("orders")[offset];
    }

    @Test
    void storesAreDurableAndAppliedWhenCommitReturns() {
        store(5000, 7);

        assertEquals(1, region.commit());

        assertEquals(7, durable(5000));
        assertEquals(List.of("open", "recordAddress", "persist", "apply"), bench.store.calls);
        assertEquals("regionCutPersisted", bench.core.calls.get(bench.core.calls.size() - 1));
        assertEquals(List.of("CUT", "STORE"), bench.phases);
        RegionStatus status = region.status();
        assertEquals(1, status.epoch());
        assertEquals(1, status.commits());
        assertEquals(1, status.dirtyPages());
        assertEquals(64, status.changedBytes());
    }

    @Test
    void commitWithoutChangesWritesNothing() {
        store(0, 1);
        region.commit();

        assertEquals(1, region.commit());

        assertEquals(1, bench.store.persistsEntered.get());
        assertEquals(1, region.status().commits());
    }

    @Test
    void committersThatArriveDuringAPersistShareTheNextOne() {
        bench.store.persistPermits.drainPermits();
        store(0, 1);
        Call<Long> first = Bench.inAnotherThread(region::commit);
        await().until(() -> bench.store.persistsEntered.get() == 1);
        store(4096, 2);
        Call<Long> second = Bench.inAnotherThread(region::commit).awaitWaiting();
        store(8192, 3);
        Call<Long> third = Bench.inAnotherThread(region::commit).awaitWaiting();

        bench.store.persistPermits.release(2);

        assertEquals(1, first.value());
        assertEquals(2, second.value());
        assertEquals(2, third.value());
        assertEquals(2, bench.store.persistsEntered.get());
        assertEquals(2, durable(4096));
        assertEquals(3, durable(8192));
        assertEquals(1, region.status().commitsShared());
    }

    @Test
    void aCommitterIsNotServedByACutThatStartedBeforeIt() {
        bench.store.persistPermits.drainPermits();
        store(0, 1);
        Call<Long> first = Bench.inAnotherThread(region::commit);
        await().until(() -> bench.store.persistsEntered.get() == 1); // its cut is over
        store(0, 2);
        Call<Long> second = Bench.inAnotherThread(region::commit).awaitWaiting();

        bench.store.persistPermits.release(2);

        assertEquals(1, first.value());
        assertEquals(2, second.value());
        assertEquals(2, durable(0));
    }

    @Test
    void storesOfAFailedCommitArePartOfTheNext() {
        bench.store.failing.add("persist");
        store(0, 1);
        CommitException failure = assertThrows(CommitException.class, region::commit);
        store(4096, 2);

        assertEquals(1, region.commit());

        assertTrue(failure.getMessage().contains("region 'orders'"), failure.getMessage());
        assertTrue(failure.getMessage().contains("no space left on device"), failure.getMessage());
        assertEquals(1, durable(0));
        assertEquals(2, durable(4096));
        assertEquals(1, region.buffer(0, 1).get(0));
        assertTrue(bench.events.stream().anyMatch(event -> event.startsWith(RegionEvents.DAMAGED)));
        assertEquals(List.of("CUT", "STORE", "CUT", "STORE"), bench.phases);
    }

    @Test
    void aWaitingCommitterMakesItsOwnAttemptWhenTheOneBeforeFails() {
        bench.store.persistPermits.drainPermits();
        bench.store.failing.add("persist");
        store(0, 1);
        Call<Long> first = Bench.inAnotherThread(region::commit);
        await().until(() -> bench.store.persistsEntered.get() == 1);
        Call<Long> second = Bench.inAnotherThread(region::commit).awaitWaiting();

        bench.store.persistPermits.release(2);

        first.failure(CommitException.class);
        assertEquals(1, second.value());
        assertEquals(1, durable(0));
    }

    @Test
    void acknowledgingTheLastEpochFirstForgetsABatchThatFailed() {
        bench.store.failing.add("persist");
        store(0, 1);
        assertThrows(CommitException.class, region::commit);
        store(0, 0); // as committed: the cut finds nothing

        assertEquals(0, region.commit());

        assertTrue(bench.store.calls.contains("forgetFailedBatch"), bench.store.calls.toString());
    }

    @Test
    void aBatchThatCannotBeAppliedIsDurableAndFailsTheRegion() {
        bench.store.failing.add("apply");
        store(0, 1);

        CommitException failure = assertThrows(CommitException.class, region::commit);

        assertTrue(failure.getMessage().contains("epoch 1 is durable"), failure.getMessage());
        assertTrue(failure.getMessage().contains("open it again"), failure.getMessage());
        assertEquals(1, durable(0));
        assertEquals(RegionStatus.State.FAILED, region.status().state());
        assertEquals(1, region.status().epoch());
        assertTrue(bench.core.calls.contains("regionRefuseStores"));
        assertTrue(region.isOpen());
        assertEquals(1, region.buffer(0, 1).get(0));
        assertThrows(CommitException.class, region::commit);
        assertEquals(1, bench.store.persistsEntered.get());
        region.close();
        assertEquals(1, bench.open("orders").buffer(0, 1).get(0));
    }

    @Test
    void aCutThatFailsFailsTheCommitOnly() {
        bench.core.failing.add("regionCut");
        store(0, 1);

        CommitException failure = assertThrows(CommitException.class, region::commit);

        assertEquals("the cut broke", failure.getCause().getMessage());
        assertEquals(1, region.commit());
    }

    @Test
    void anInterruptNeitherBreaksACommitThatHasBegunNorIsLost() {
        bench.store.persistPermits.drainPermits();
        store(0, 1);
        Call<Boolean> commit = Bench.inAnotherThread(() -> {
            assertEquals(1, region.commit());
            return Thread.interrupted();
        });
        await().until(() -> bench.store.persistsEntered.get() == 1);

        commit.thread().interrupt();
        bench.store.persistPermits.release();

        assertTrue(commit.value(), "the interrupt flag");
        assertEquals(1, durable(0));
    }

    @Test
    void rollbackReturnsToTheLastCommitAfterForgettingAFailedBatch() {
        store(0, 1);
        region.commit();
        store(0, 2);
        bench.store.failing.add("persist");
        assertThrows(CommitException.class, region::commit);

        region.rollback();

        assertEquals(1, region.buffer(0, 1).get(0));
        assertEquals("forgetFailedBatch", bench.store.calls.get(bench.store.calls.size() - 1));
        assertEquals(1, region.status().rollbacks());
    }

    @Test
    void aRollbackThatTheStoreRefusesChangesNothing() {
        store(0, 1);
        bench.store.failing.add("forgetFailedBatch");

        assertThrows(RegionException.class, region::rollback);

        assertEquals(1, region.buffer(0, 1).get(0));
        assertEquals(RegionStatus.State.OPEN, region.status().state());
        assertEquals(1, region.commit());
    }

    @Test
    void aPhaseObserverThatThrowsBreaksNothing() {
        bench.observers.add((name, phase) -> {
            throw new IllegalArgumentException("observer");
        });
        store(0, 1);

        assertEquals(1, region.commit());
    }

    @Test
    void statusDoesNotWaitForACommit() {
        bench.store.persistPermits.drainPermits();
        store(0, 1);
        Call<Long> commit = Bench.inAnotherThread(region::commit);
        await().until(() -> bench.store.persistsEntered.get() == 1);

        assertEquals(0, region.status().epoch());

        bench.store.persistPermits.release();
        commit.value();
        assertEquals(1, region.status().epoch());
    }

    @Test
    void closeWaitsForACommitInProgress() {
        bench.store.persistPermits.drainPermits();
        store(0, 1);
        Call<Long> commit = Bench.inAnotherThread(region::commit);
        await().until(() -> bench.store.persistsEntered.get() == 1);
        Call<Object> close = Bench.inAnotherThread(() -> {
                    region.close();
                    return null;
                })
                .awaitWaiting();
        assertFalse(bench.core.calls.contains("regionDestroy"));

        bench.store.persistPermits.release();

        assertEquals(1, commit.value());
        close.value();
        assertEquals(RegionStatus.State.CLOSED, region.status().state());
    }

    @Test
    void aLargeBatchGivesItsMemoryBack() {
        OpenRegion large = bench.regions.open("large", RegionOptions.size("8 MiB"), Bench.OWNER);
        for (int offset = 0; offset < 8 << 20; offset += 4096) {
            large.buffer(offset, 1).put(0, (byte) 1);
        }

        large.commit();

        assertTrue(bench.core.calls.stream().anyMatch(call -> call.startsWith("memoryDiscard")));
    }

    @Test
    void committedEventsComeAtMostOnceASecond() {
        store(0, 1);
        region.commit();
        store(0, 2);
        region.commit();

        assertEquals(
                1,
                bench.events.stream()
                        .filter(event -> event.startsWith(RegionEvents.COMMITTED))
                        .count());
    }

    @Test
    void anObserverCannotCloseTheRegionUnderItsCommit() {
        Throwable[] seen = new Throwable[1];
        bench.observers.add((name, phase) -> seen[0] = assertThrows(IllegalStateException.class, region::close));
        store(0, 1);

        assertEquals(1, region.commit());

        assertSame(IllegalStateException.class, seen[0].getClass());
        assertTrue(region.isOpen());
    }
}
