// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.vellum.api.RegionException;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;

/** A range of zeroed native memory that file calls can read and write; owned by whoever allocated it. */
public final class NativeMemory implements AutoCloseable {
    private final NativeCore core;
    private final long length;
    private long address;

    /** @throws RegionException there is no memory */
    public NativeMemory(NativeCore core, long length) {
        this.core = core;
        this.length = length;
        address = core.memory().map(length);
        if (address < 0) {
            throw new RegionException(
                    "cannot map " + length + " bytes of memory for a store: " + Errno.describe((int) address));
        }
    }

    public long address() {
        return address;
    }

    public long length() {
        return length;
    }

    /** A little-endian buffer over part of it; valid until {@link #close}. */
    public ByteBuffer view(long offset, int bytes) {
        if (offset < 0 || bytes < 0 || offset + bytes > length) {
            throw new IndexOutOfBoundsException(offset + " + " + bytes + " of " + length);
        }
        return core.memory().view(address + offset, bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public void close() {
        if (address != 0) {
            core.memory().unmap(address, length);
            address = 0;
        }
    }
}
