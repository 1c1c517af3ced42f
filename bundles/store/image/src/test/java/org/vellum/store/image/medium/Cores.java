// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import org.vellum.nativelib.AddressRanges;
import org.vellum.nativelib.Batches;
import org.vellum.nativelib.FileCalls;
import org.vellum.nativelib.MemoryCalls;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativeRegions;
import org.vellum.nativelib.internal.JnaNativeCore;

/** The one native core of the test process. */
public final class Cores {
    public static final NativeCore CORE = new JnaNativeCore();

    /** The one core, with some of its calls exchanged. */
    public record Substitute(Batches batches, FileCalls files) implements NativeCore {
        @Override
        public AddressRanges ranges() {
            return CORE.ranges();
        }

        @Override
        public NativeRegions regions() {
            return CORE.regions();
        }

        @Override
        public MemoryCalls memory() {
            return CORE.memory();
        }
    }

    private Cores() {}
}
