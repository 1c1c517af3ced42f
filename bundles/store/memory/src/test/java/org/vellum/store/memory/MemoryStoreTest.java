// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.memory;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Recorder;
import org.vellum.nativelib.Recorder.Event;
import org.vellum.nativelib.Recorder.Kind;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class MemoryStoreTest {
    private static final int PAGES = 8;
    private static final int LINE_ENTRY = 64 + 16 + NativeCore.LINE_SIZE;
    private static final long CAPACITY = 1 << 20;
    private static final Path HOME = SimulatedMemory.FOLDER.resolve("orders.vellum");

    private static final PhaseObserver IGNORE = new PhaseObserver() {
        @Override
        public void entered(String region, Phase phase) {}
    };

    private final MemoryStore store = new MemoryStore(Cores.CORE, Cores.PERSISTENCE);

    @AfterEach
    void forget() {
        store.forget();
    }

    private StoreImage open(long size) {
        return store.open(new Store.Request("orders", null, size, 2L * NativeCore.PAGE_SIZE), IGNORE);
    }

    private StoreImage open() {
        return open((long) PAGES * NativeCore.PAGE_SIZE);
    }

    /** Commits a change of one line of page 3. */
    private static long commit(StoreImage image, int value) {
        try (NativeMemory memory = new NativeMemory(Cores.CORE, LINE_ENTRY + 64)) {
            ByteBuffer batch = memory.view(0, LINE_ENTRY);
            batch.putInt(56, 1); // number of entries
            batch.putLong(64, 3).putLong(72, 1);
            batch.put(80, (byte) value);
            long epoch = image.persist(memory.address(), LINE_ENTRY);
            image.apply(memory.address(), LINE_ENTRY);
            return epoch;
        }
    }

    private static int value(StoreImage image) {
        return Cores.CORE
                .memory()
                .view(image.committedView() + 3 * NativeCore.PAGE_SIZE, 1)
                .get(0);
    }

    @Test
    void whatWasCommittedSurvivesAClose() {
        try (StoreImage image = open()) {
            assertEquals(1, commit(image, 7));
        }
        try (StoreImage image = open(0)) {
            assertEquals(1, image.epoch());
            assertEquals(7, value(image));
        }
    }

    @Test
    void itSaysThatItForgetsAndDoes() {
        try (StoreImage image = open()) {
            assertTrue(
                    image.remarks().get(0).startsWith("SIMULATED"),
                    image.remarks().toString());
        }
        store.forget();
        assertThrows(InvalidRegionException.class, () -> open(0));
    }

    @Test
    void anImageIsHeldByOneAtATime() {
        try (StoreImage image = open()) {
            assertThrows(RegionBusyException.class, this::open);
            assertEquals(0, image.epoch());
        }
    }

    @Test
    void aCommitIsRecordedStepByStep() {
        Recorder recorder = store.startRecording(CAPACITY);
        try (StoreImage image = open()) {
            recorder.take();
            commit(image, 7);
            recorder.acknowledge(1);
            List<Event> events = recorder.take();
            assertEquals(
                    List.of(Kind.STORE, Kind.FENCE, Kind.ACKNOWLEDGED),
                    events.stream().map(Event::kind).toList());
            assertEquals(
                    "orders.vellum-log0",
                    store.media().get(events.get(0).medium()).getFileName().toString());
            assertEquals(0, events.get(0).offset());
            assertEquals(192, events.get(0).length());
            assertEquals(PersistPoint.BATCH.number(), events.get(1).point());
            assertThrows(IllegalStateException.class, store::stopRecording);
        }
        assertThrows(IllegalStateException.class, () -> store.startRecording(CAPACITY));
        store.stopRecording();
        assertThrows(IllegalStateException.class, store::media);
        open().close();
    }

    /** What a recording test of crashes does: bytes of one moment, put back at a later one. */
    @Test
    void theMediumIsReplacedByWhatItWas() {
        Map<Path, byte[]> crash;
        try (StoreImage image = open()) {
            commit(image, 7);
            crash = store.content();
            commit(image, 8);
            assertThrows(IllegalStateException.class, () -> store.replace(crash));
        }
        assertEquals(Set.of(HOME, Path.of(HOME + "-log0"), Path.of(HOME + "-log1")), crash.keySet());
        store.replace(crash);
        try (StoreImage image = open(0)) {
            assertEquals(1, image.epoch());
            assertEquals(7, value(image));
        }
        store.replace(Map.of());
        assertThrows(InvalidRegionException.class, () -> open(0));
    }

    @Test
    void contentIsACopy() {
        open().close();
        Map<Path, byte[]> content = new HashMap<>(store.content());
        byte[] before = content.get(HOME).clone();
        content.get(HOME)[0]++;
        assertArrayEquals(before, store.content().get(HOME));
    }
}
