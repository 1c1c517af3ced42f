// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.nio.ByteBuffer;
import org.vellum.api.Region;

/** A region of any size through buffers, as an application would write it. */
final class RegionMemory {
    static final int PAGE = 4096;
    private static final int WINDOW_SHIFT = 30;
    private static final long WINDOW = 1L << WINDOW_SHIFT;

    private final ByteBuffer[] windows;
    private final long pages;

    RegionMemory(Region region) {
        pages = region.size() / PAGE;
        windows = new ByteBuffer[(int) ((region.size() + WINDOW - 1) >> WINDOW_SHIFT)];
        for (int i = 0; i < windows.length; i++) {
            long offset = i * WINDOW;
            windows[i] = region.buffer(offset, (int) Math.min(WINDOW, region.size() - offset));
        }
    }

    long pages() {
        return pages;
    }

    void putLong(long offset, long value) {
        windows[(int) (offset >> WINDOW_SHIFT)].putLong((int) (offset & (WINDOW - 1)), value);
    }

    long getLong(long offset) {
        return windows[(int) (offset >> WINDOW_SHIFT)].getLong((int) (offset & (WINDOW - 1)));
    }
}
