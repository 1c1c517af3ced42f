// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.state;

import org.junit.jupiter.api.Test;
import org.vellum.api.CommitException;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionException;
import org.vellum.api.Section;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.testing.Bench;
import org.vellum.runtime.testing.Bench.Call;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SectionTest {
    private final Bench bench = Bench.complete();
    private final OpenRegion region = bench.open("orders");

    private void store(int offset, int value) {
        region.buffer(offset, 1).put(0, (byte) value);
    }

    private int load(int offset) {
        return region.buffer(offset, 1).get(0);
    }

    @Test
    void aCommitWaitsUntilNoSectionIsOpen() {
        Section outer = region.section();
        Section inner = region.section();
        store(0, 1);
        Call<Long> commit = Bench.inAnotherThread(region::commit).awaitWaiting();
        inner.close();
        store(4096, 2);
        commit.awaitWaiting();

        outer.close();

        assertEquals(1, commit.value());
        assertEquals(2, bench.store.durableContent("orders")[4096]);
    }

    @Test
    void sectionsRunSideBySideAndDuringAPersist() {
        bench.store.persistPermits.drainPermits();
        store(0, 1);
        Call<Long> commit = Bench.inAnotherThread(region::commit);
        await().until(() -> bench.store.persistsEntered.get() == 1);

        Section mine = region.section();
        Bench.inAnotherThread(() -> {
                    region.section().close();
                    return null;
                })
                .value();

        mine.close();
        bench.store.persistPermits.release();
        commit.value();
    }

    @Test
    void commitRollbackAndAtomicallyAreRefusedInsideASection() {
        Section section = region.section();

        assertTrue(assertThrows(IllegalStateException.class, region::commit)
                .getMessage()
                .contains("region 'orders'"));
        assertThrows(IllegalStateException.class, region::rollback);
        assertThrows(IllegalStateException.class, () -> region.atomically(() -> {}));

        section.close();
        region.commit();
    }

    @Test
    void closingASectionTwiceEndsItOnce() {
        Section outer = region.section();
        Section inner = region.section();
        inner.close();
        inner.close();

        Call<Long> commit = Bench.inAnotherThread(region::commit).awaitWaiting();
        outer.close();
        commit.value();
    }

    @Test
    void aSectionIsClosedByTheThreadThatOpenedIt() {
        Section section = region.section();

        IllegalStateException failure = Bench.inAnotherThread(() -> {
                    section.close();
                    return null;
                })
                .failure(IllegalStateException.class);

        assertTrue(failure.getMessage().contains(Thread.currentThread().getName()), failure.getMessage());
        section.close();
    }

    @Test
    void closeWaitsForSectionsOfOtherThreads() {
        Section section = region.section();
        Call<Object> close = Bench.inAnotherThread(() -> {
                    region.close();
                    return null;
                })
                .awaitWaiting();
        assertTrue(region.isOpen());

        section.close();

        close.value();
        assertThrows(RegionClosedException.class, region::section);
    }

    @Test
    void closeEndsTheCallersOwnSections() {
        Section section = region.section();

        region.close();
        section.close();

        assertFalse(region.isOpen());
    }

    @Test
    void atomicallyCommitsWhatItsBodyStored() {
        assertEquals(1, region.<RuntimeException>atomically(() -> store(0, 1)));

        assertEquals(1, bench.store.durableContent("orders")[0]);
    }

    @Test
    void atomicallyRollsBackWhenItsBodyThrows() {
        Exception thrown = new Exception("no");

        assertEquals(
                thrown,
                assertThrows(
                        Exception.class,
                        () -> region.atomically(() -> {
                            store(0, 1);
                            throw thrown;
                        })));

        assertEquals(0, load(0));
        assertEquals(0, thrown.getSuppressed().length);
    }

    @Test
    void aFailedAtomicallyLeavesNothingBehindEvenIfTheStoreCannotTakeItsBatchBack() {
        bench.store.failing.add("persist");
        bench.store.failing.add("forgetFailedBatch");

        CommitException failure = assertThrows(CommitException.class, () -> region.atomically(() -> store(0, 1)));

        assertEquals(1, failure.getSuppressed().length);
        assertEquals(0, region.buffer(0, 1).get(0));
        // an empty commit acknowledges the last epoch, so the batch must be taken back first
        assertEquals(0, region.commit());
        assertEquals("forgetFailedBatch", bench.store.calls.get(bench.store.calls.size() - 1));
    }

    @Test
    void atomicallyRollsBackWhenTheCommitFails() {
        bench.store.failing.add("persist");

        assertThrows(CommitException.class, () -> region.atomically(() -> store(0, 1)));

        assertEquals(0, load(0));
        assertTrue(bench.store.calls.contains("forgetFailedBatch"));
    }

    @Test
    void aFailedRollbackIsSuppressedByWhatTheBodyThrew() {
        bench.store.failing.add("forgetFailedBatch");

        IllegalArgumentException thrown = assertThrows(
                IllegalArgumentException.class,
                () -> region.atomically(() -> {
                    throw new IllegalArgumentException("body");
                }));

        assertEquals(1, thrown.getSuppressed().length);
        assertTrue(thrown.getSuppressed()[0] instanceof RegionException);
    }

    @Test
    void commitRollbackAndAtomicallyAreRefusedInsideABody() {
        region.<RuntimeException>atomically(() -> {
            assertThrows(IllegalStateException.class, region::commit);
            assertThrows(IllegalStateException.class, region::rollback);
            assertThrows(IllegalStateException.class, () -> region.atomically(() -> {}));
            store(0, 1);
        });

        assertEquals(1, bench.store.durableContent("orders")[0]);
    }

    @Test
    void otherCommittersWaitForABody() {
        Call<?>[] other = new Call<?>[1];
        region.<RuntimeException>atomically(() -> {
            store(0, 1);
            other[0] = Bench.inAnotherThread(region::commit).awaitWaiting();
            assertEquals(0, bench.store.persistsEntered.get());
        });

        assertEquals(1L, other[0].value());
    }

    @Test
    void sectionsInsideABodyAndBesideItAreFine() {
        region.<RuntimeException>atomically(() -> {
            region.section().close();
            Bench.inAnotherThread(() -> {
                        region.section().close();
                        return null;
                    })
                    .value();
        });
    }

    @Test
    void aBodyThatLeavesASectionOpenIsRolledBack() {
        assertThrows(
                IllegalStateException.class,
                () -> region.atomically(() -> {
                    region.section();
                    store(0, 1);
                }));

        assertEquals(0, load(0));
        region.commit();
    }

    @Test
    void aBodyThatClosesTheRegionCommitsNothing() {
        assertThrows(
                RegionClosedException.class,
                () -> region.atomically(() -> {
                    store(0, 1);
                    region.close();
                }));

        assertEquals(0, bench.store.persistsEntered.get());
    }
}
