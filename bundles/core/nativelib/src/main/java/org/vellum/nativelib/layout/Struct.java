// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A structure in memory of its own, which C reads or writes during a call that {@link #memory} is an argument of. Not for
 * several threads at once. A region keeps one for each of its frequent calls, so that these allocate nothing native.
 */
public abstract class Struct {
    private final ByteBuffer memory;

    /** Zeroed. */
    Struct(StructLayout layout) {
        memory = ByteBuffer.allocateDirect(layout.size()).order(ByteOrder.nativeOrder());
    }

    /** The argument for C. Direct, so that JNA passes its address. */
    public final ByteBuffer memory() {
        return memory;
    }

    final long get(int offset) {
        return memory.getLong(offset);
    }

    final void set(int offset, long value) {
        memory.putLong(offset, value);
    }
}
