// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.vellum.nativelib.NativePersistence;
import org.vellum.nativelib.Persistence;
import org.vellum.nativelib.Recorder;
import org.vellum.nativelib.Recorder.Event;
import org.vellum.nativelib.Recorder.Kind;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The binding of the persistence library: what C does is tested there, here that Java asks for it and reads it right. */
class RecorderTest {
    private static final int MEDIUM = 3;
    private static final long OFFSET_IN_MEDIUM = 1L << 33;
    private static final int SIZE = 4096;

    private final JnaNativePersistence persistence = new JnaNativePersistence();
    private final Memory memory = new Memory(SIZE + 64);
    private final long start = Pointer.nativeValue(memory) + 63 & -64;
    private Recorder recorder;

    @BeforeEach
    void watchMemory() {
        recorder = persistence.record(persistence.forProcessor(false), 64 << 10);
        recorder.watch(start, SIZE, MEDIUM, OFFSET_IN_MEDIUM);
    }

    @AfterEach
    void close() {
        recorder.close();
        memory.close();
        persistence.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private String stored(int offset, int length) {
        return new String(new Pointer(start).getByteArray(offset, length), StandardCharsets.US_ASCII);
    }

    private static void assertEvent(Event event, Kind kind, int point, long offset, long length, byte[] bytes) {
        assertEquals(kind, event.kind());
        assertEquals(point, event.point());
        assertEquals(MEDIUM, event.medium());
        assertEquals(OFFSET_IN_MEDIUM + offset, event.offset());
        assertEquals(length, event.length());
        assertArrayEquals(bytes, event.bytes());
    }

    @Test
    void everyStepIsDoneAndRead() {
        recorder.store(start + 3, bytes("-stored-"), 1, 6);
        recorder.storeWord(start + 64, 0x0807060504030201L);
        recorder.writeBack(start + 64, 8, 300);
        recorder.fence(301);
        recorder.acknowledge(1L << 40);
        recorder.applicationStore(start + 128, bytes("application"));

        assertEquals("stored", stored(3, 6));
        assertEquals(0x0807060504030201L, new Pointer(start).getLong(64));
        assertEquals("application", stored(128, 11));

        List<Event> events = recorder.take();
        assertEquals(8, events.size());
        assertEvent(events.get(0), Kind.STORE, 0, 3, 6, bytes("stored"));
        assertEvent(events.get(1), Kind.WORD, 0, 64, 8, new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
        assertEvent(events.get(2), Kind.WRITE_BACK, 300, 64, 8, new byte[0]);
        assertEquals(Kind.FENCE, events.get(3).kind());
        assertEquals(301, events.get(3).point());
        assertEquals(Kind.ACKNOWLEDGED, events.get(4).kind());
        assertEquals(1L << 40, events.get(4).offset());
        assertEvent(events.get(5), Kind.APPLICATION_STORE, 0, 128, 8, bytes("applicat"));
        assertEvent(events.get(6), Kind.APPLICATION_STORE, 0, 136, 2, bytes("io"));
        assertEvent(events.get(7), Kind.APPLICATION_STORE, 0, 138, 1, bytes("n"));
        assertTrue(events.stream()
                .allMatch(event -> event.thread() == events.get(0).thread()));
        assertEquals(List.of(), recorder.take());
    }

    @Test
    void threadsAreToldApart() throws InterruptedException {
        recorder.fence(300);
        Thread other = new Thread(() -> recorder.fence(300));
        other.start();
        other.join();
        List<Event> events = recorder.take();
        assertEquals(2, events.size());
        assertTrue(events.get(0).thread() != events.get(1).thread());
    }

    @Test
    void aPointLeftOutIsNotRecorded() {
        recorder.leaveOut(300);
        recorder.fence(300);
        recorder.fence(301);
        recorder.leaveOut(0);
        recorder.fence(300);
        assertEquals(
                List.of(301, 300), recorder.take().stream().map(Event::point).toList());
    }

    @Test
    void anIncompleteRecordIsNotReturned() {
        recorder.unwatch(start);
        recorder.storeWord(start, 1);
        assertTrue(assertThrows(IllegalStateException.class, recorder::take)
                .getMessage()
                .contains("watched"));
        assertThrows(IllegalArgumentException.class, () -> recorder.unwatch(start));

        try (Recorder small = persistence.record(persistence.forProcessor(false), 128)) {
            small.watch(start, SIZE, MEDIUM, 0);
            small.store(start, start + 2048, 1024);
            assertTrue(assertThrows(IllegalStateException.class, small::take)
                    .getMessage()
                    .contains("128 bytes"));
        }
    }

    @Test
    void aClosedRecorderSaysSo() {
        recorder.close();
        assertThrows(IllegalStateException.class, recorder::take);
    }

    @Test
    void persistencesAreFoundByName() {
        assertEquals("none", persistence.forProcessor(true).name());
        assertEquals("recorder", recorder.name());
        for (String name : List.of("clwb", "clflushopt", "clflush", "none")) {
            if (persistence.obstacle(name).isEmpty()) {
                Persistence named = persistence.named(name);
                assertEquals(name, named.name());
                named.store(start, bytes(name), 0, name.length());
                named.writeBack(start, name.length(), 300);
                named.fence(301);
                assertEquals(name, stored(0, name.length()));
            } else {
                assertThrows(IllegalArgumentException.class, () -> persistence.named(name));
            }
        }
        assertTrue(persistence.obstacle("clflish").orElseThrow().contains("clflish"));
        assertThrows(IllegalArgumentException.class, () -> persistence.named("clflish"));
    }

    @Test
    void nativePersistPointsHaveNamesAndTheStoresNumbersAreFree() {
        assertTrue(persistence.pointName(1).orElseThrow().contains("pre-image"));
        assertTrue(persistence.pointName(0).isEmpty());
        for (int point = NativePersistence.POINTS_OF_STORES; point < NativePersistence.POINTS; point++) {
            assertTrue(persistence.pointName(point).isEmpty());
        }
    }
}
