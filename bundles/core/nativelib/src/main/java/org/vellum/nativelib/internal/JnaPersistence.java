// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.Objects;
import org.vellum.nativelib.Persistence;

/** A {@code struct vellum_persistence} at an address. */
class JnaPersistence implements Persistence {
    /** Of its second field, behind the version and padding. */
    private static final int OFFSET_OF_NAME = 8;

    private final long address;

    JnaPersistence(long address) {
        this.address = address;
    }

    @Override
    public String name() {
        return new Pointer(address).getPointer(OFFSET_OF_NAME).getString(0);
    }

    @Override
    public long address() {
        return address;
    }

    @Override
    public void store(long destination, long source, long length) {
        PersistenceLibrary.vellum_persistence_store(address, destination, source, length);
    }

    @Override
    public void store(long destination, byte[] source, int from, int length) {
        Objects.checkFromIndexSize(from, length, source.length);
        if (length == 0) {
            return;
        }
        try (Memory copy = new Memory(length)) {
            copy.write(0, source, from, length);
            store(destination, Pointer.nativeValue(copy), length);
        }
    }

    @Override
    public void storeWord(long destination, long value) {
        PersistenceLibrary.vellum_persistence_store_word(address, destination, value);
    }

    @Override
    public void writeBack(long start, long length, int point) {
        PersistenceLibrary.vellum_persistence_write_back(address, start, length, point);
    }

    @Override
    public void fence(int point) {
        PersistenceLibrary.vellum_persistence_fence(address, point);
    }
}
