// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.layout;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A structure in memory of its own, which C reads or writes during a call. Not for several threads at once. A region keeps
 * one for each of its frequent calls, so that these allocate nothing native.
 */
public abstract class Struct {
    private final ByteBuffer memory;
    private final long address;

    /** Zeroed. */
    Struct(StructLayout layout) {
        memory = ByteBuffer.allocateDirect(layout.size()).order(ByteOrder.nativeOrder());
        address = Pointer.nativeValue(Native.getDirectBufferPointer(memory));
    }

    /** The argument for C, whose address JNA passes. The memory exists as long as the call takes. */
    public final ByteBuffer memory() {
        return memory;
    }

    /**
     * The argument for C in frequent calls, because JNA takes 50 ns to find a buffer's address. The memory exists while the
     * structure is reachable: whoever calls reads a field afterwards.
     */
    public final long address() {
        return address;
    }

    final long get(int offset) {
        return memory.getLong(offset);
    }

    final void set(int offset, long value) {
        memory.putLong(offset, value);
    }
}
