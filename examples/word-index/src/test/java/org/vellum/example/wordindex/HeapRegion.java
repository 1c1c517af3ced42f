// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.wordindex;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionStatus;
import org.vellum.api.Section;

/** Stands for a region: commit keeps a copy, crash goes back to it. */
final class HeapRegion implements Region {
    private final ByteBuffer working;
    private final byte[] committed;
    private long epoch;

    HeapRegion(int size) {
        working = ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
        committed = new byte[size];
    }

    void crash() {
        working.put(0, committed);
    }

    @Override
    public long commit() {
        working.get(0, committed);
        return ++epoch;
    }

    @Override
    public ByteBuffer buffer(long offset, int length) {
        return working.slice((int) offset, length).order(ByteOrder.nativeOrder());
    }

    @Override
    public long size() {
        return working.capacity();
    }

    @Override
    public String name() {
        return "heap";
    }

    @Override
    public long address() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void rollback() {
        throw new UnsupportedOperationException();
    }

    @Override
    public Section section() {
        throw new UnsupportedOperationException();
    }

    @Override
    public <E extends Exception> long atomically(AtomicBody<E> body) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long commitWithin(Duration limit) {
        return commit();
    }

    @Override
    public void rollbackWithin(Duration limit) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Section sectionWithin(Duration limit) {
        throw new UnsupportedOperationException();
    }

    @Override
    public <E extends Exception> long atomicallyWithin(Duration limit, AtomicBody<E> body) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int abandonSections() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void closeWithin(Duration limit) {}

    @Override
    public void readFully(ReadableByteChannel channel, long offset, long length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void writeFully(WritableByteChannel channel, long offset, long length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public RegionStatus.Swap swap(java.util.Map<String, String> selectors) {
        throw new UnsupportedOperationException();
    }

    @Override
    public RegionStatus status() {
        throw new UnsupportedOperationException();
    }

    @Override
    public RegionActivity activity() {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean isOpen() {
        return true;
    }

    @Override
    public void close() {}
}
