// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.vellum.nativelib.MemoryCalls;

/** {@code vellum_memory_…} by JNA. */
final class JnaMemoryCalls implements MemoryCalls {
    @Override
    public long map(long length) {
        long[] address = new long[1];
        return NativeResult.valueOr(CoreLibrary.vellum_memory_map(length, address), address);
    }

    @Override
    public void unmap(long address, long length) {
        CoreLibrary.vellum_memory_unmap(address, length);
    }

    @Override
    public void discard(long address, long length) {
        CoreLibrary.vellum_memory_discard(address, length);
    }

    @Override
    public ByteBuffer view(long address, int length) {
        return new Pointer(address).getByteBuffer(0, length).order(ByteOrder.nativeOrder());
    }
}
