// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import java.nio.ByteBuffer;
import java.util.function.LongConsumer;
import org.vellum.nativelib.Batches;
import org.vellum.nativelib.MemoryCalls;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.layout.BatchLayout;

/** {@code vellum_batch_…} by JNA. */
final class JnaBatches implements Batches {
    private static final int HEADER_SIZE = BatchLayout.HEADER.size();
    private static final int ENTRY_SIZE = BatchLayout.ENTRY.size();

    /** Bytes of a batch looked at through one buffer, which can have 2 GiB at most. */
    private static final int WINDOW = 1 << 30;

    private final MemoryCalls memory;

    JnaBatches(MemoryCalls memory) {
        this.memory = memory;
    }

    @Override
    public void forEachPage(long batch, long length, LongConsumer page) {
        long entry = HEADER_SIZE;
        ByteBuffer window = null;
        long windowStart = 0;
        while (entry < length) {
            if (window == null || entry + ENTRY_SIZE > windowStart + window.capacity()) {
                windowStart = entry;
                window = memory.view(batch + entry, (int) Math.min(WINDOW, length - entry));
            }
            int at = (int) (entry - windowStart);
            page.accept(window.getLong(at + BatchLayout.PAGE));
            long lines = Long.bitCount(window.getLong(at + BatchLayout.LINE_MASK));
            entry += ENTRY_SIZE + NativeCore.LINE_SIZE * lines;
        }
    }

    @Override
    public int apply(long batch, long length, long image, long imageLength) {
        return CoreLibrary.vellum_batch_apply(batch, length, image, imageLength);
    }
}
