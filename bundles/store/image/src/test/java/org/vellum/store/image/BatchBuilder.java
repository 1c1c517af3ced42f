// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.NativeMemory;

/** Writes a batch as the cut does: entries of changed lines behind a header that the store completes. */
public final class BatchBuilder {
    private final Map<Long, Map<Integer, byte[]>> lines = new TreeMap<>();

    /** One changed line, all bytes {@code value}. */
    public BatchBuilder line(long page, int line, int value) {
        byte[] content = new byte[NativeCore.LINE_SIZE];
        java.util.Arrays.fill(content, (byte) value);
        lines.computeIfAbsent(page, p -> new TreeMap<>()).put(line, content);
        return this;
    }

    /** All lines of a page. */
    public BatchBuilder page(long page, int value) {
        for (int line = 0; line < NativeCore.PAGE_SIZE / NativeCore.LINE_SIZE; line++) {
            line(page, line, value);
        }
        return this;
    }

    public int length() {
        int length = Batch.HEADER_SIZE;
        for (Map<Integer, byte[]> page : lines.values()) {
            length += 16 + page.size() * NativeCore.LINE_SIZE;
        }
        return length;
    }

    /** In memory with room for padding, which is dirty on purpose. */
    public NativeMemory build() {
        NativeMemory memory = new NativeMemory(Cores.CORE, length() + 64L);
        ByteBuffer buffer = memory.view(0, (int) memory.length());
        for (int i = 0; i < buffer.capacity(); i++) {
            buffer.put(i, (byte) 0xEE);
        }
        buffer.putInt(Batch.ENTRY_COUNT_AT, lines.size());
        buffer.position(Batch.HEADER_SIZE);
        lines.forEach((page, changed) -> {
            long mask = 0;
            for (int line : changed.keySet()) {
                mask |= 1L << line;
            }
            buffer.putLong(page).putLong(mask);
            changed.values().forEach(buffer::put);
        });
        return memory;
    }

    /** Applies the same changes to a copy of an image in the heap. */
    public byte[] appliedTo(byte[] image) {
        byte[] result = image.clone();
        lines.forEach((page, changed) -> changed.forEach((line, content) -> {
            int at = (int) (page * NativeCore.PAGE_SIZE + line * NativeCore.LINE_SIZE);
            System.arraycopy(content, 0, result, at, content.length);
        }));
        return result;
    }
}
