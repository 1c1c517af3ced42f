// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import org.vellum.nativelib.AddressRanges;
import org.vellum.nativelib.Batches;
import org.vellum.nativelib.FileCalls;
import org.vellum.nativelib.MemoryCalls;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativeRegions;

/** A core with some of its calls exchanged. */
record SubstituteCore(NativeCore core, MemoryCalls memory, FileCalls files) implements NativeCore {
    @Override
    public AddressRanges ranges() {
        return core.ranges();
    }

    @Override
    public NativeRegions regions() {
        return core.regions();
    }

    @Override
    public Batches batches() {
        return core.batches();
    }
}
