// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.format;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.vellum.nativelib.ProviderLibrary;
import org.vellum.nativelib.internal.JnaNativeCore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.params.provider.Arguments.arguments;

/** What the native half writes to the medium lies where this package reads it. */
class NativeLayoutTest {
    static Stream<Arguments> sizes() {
        return Stream.of(
                arguments("vellum_batch_header", Batch.HEADER_SIZE), arguments("vellum_undo_slot", UndoSlot.SIZE));
    }

    @ParameterizedTest
    @MethodSource("sizes")
    void aStructureHasTheNativeSize(String name, int size) {
        assertEquals(size, ask(name)[1]);
    }

    static Stream<Arguments> offsets() {
        return Stream.of(
                arguments("vellum_batch_header.version", Batch.VERSION_AT),
                arguments("vellum_batch_header.header_size", Batch.HEADER_SIZE_AT),
                arguments("vellum_batch_header.epoch", Batch.EPOCH_AT),
                arguments("vellum_batch_header.durable_epoch", Batch.DURABLE_EPOCH_AT),
                arguments("vellum_batch_header.generation", Batch.GENERATION_AT),
                arguments("vellum_batch_header.payload_length", Batch.PAYLOAD_LENGTH_AT),
                arguments("vellum_batch_header.offset", Batch.OFFSET_AT),
                arguments("vellum_batch_header.region_identity", Batch.IDENTITY_AT),
                arguments("vellum_batch_header.entry_count", Batch.ENTRY_COUNT_AT),
                arguments("vellum_batch_header.checksum", Batch.CHECKSUM_AT),
                arguments("vellum_undo_slot.page", UndoSlot.PAGE_AT),
                arguments("vellum_undo_slot.epoch", UndoSlot.EPOCH_AT),
                arguments("vellum_undo_slot.complete", UndoSlot.COMPLETE_AT),
                arguments("vellum_undo_slot.identity", UndoSlot.OPENING_AT),
                arguments("vellum_undo_slot.checksum", UndoSlot.CHECKSUM_AT));
    }

    @ParameterizedTest
    @MethodSource("offsets")
    void aFieldIsAtTheNativeOffset(String name, int offset) {
        assertEquals(offset, ask(name)[0]);
    }

    /** {@code struct vellum_layout}: offset, size, fields. */
    private static long[] ask(String name) {
        // not closed: JNA would close it for other tests of this process, too
        ProviderLibrary library = ProviderLibrary.open("vellum_core", JnaNativeCore.class);
        long[] answer = new long[3];
        assertEquals(0, library.call("vellum_core_layout", name, answer), name);
        return answer;
    }
}
