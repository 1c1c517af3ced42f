// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.testing;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import org.vellum.api.provider.InPlace;
import org.vellum.nativelib.AddressRanges;
import org.vellum.nativelib.Batches;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.FileCalls;
import org.vellum.nativelib.MemoryCalls;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativeRegion;
import org.vellum.nativelib.NativeRegions;

/**
 * A core whose addresses are made up and whose memory is on the heap. A cut finds the changed pages by comparing the
 * whole region with its committed view, so pages that were not persisted are carried without further ado. A batch is
 * the numbers and contents of the changed pages; {@link #batches} understand it.
 */
public final class FakeCore implements NativeCore {
    static final int ENTRY = Long.BYTES + PAGE_SIZE;

    /** Operations that fail when called next. */
    public final List<String> failing = new ArrayList<>();
    /** Ranges reserved or regions mapped, by address. */
    public final List<Long> heldRanges = new ArrayList<>();

    public final List<Long> heldRegions = new ArrayList<>();
    public final List<String> calls = new ArrayList<>();
    private final TreeMap<Long, ByteBuffer> memory = new TreeMap<>();
    private final FakeFileCalls files = new FakeFileCalls(this);
    /** Descriptors that were duplicated and are open. */
    public final Map<Integer, Integer> duplicates = files.duplicates;

    private long nextAddress = 0x10_0000_0000L;
    public long rangeResult;
    public Runnable duringCut = () -> {};
    public Runnable duringDestroy = () -> {};

    synchronized long map(int length) {
        long address = nextAddress;
        nextAddress += length + 0x10_0000L & ~0xfffL;
        memory.put(address, ByteBuffer.allocate(length).order(ByteOrder.nativeOrder()));
        return address;
    }

    synchronized void unmap(long address) {
        if (memory.remove(address) == null) {
            throw new AssertionError("not mapped: " + Long.toHexString(address));
        }
    }

    public synchronized int mappings() {
        return memory.size();
    }

    public synchronized ByteBuffer view(long address, int length) {
        Map.Entry<Long, ByteBuffer> area = memory.floorEntry(address);
        return area.getValue().slice((int) (address - area.getKey()), length).order(ByteOrder.nativeOrder());
    }

    /** A file that descriptors of this core lead to. */
    int addFile(byte[] content) {
        return files.add(content);
    }

    boolean fails(String operation) {
        calls.add(operation);
        return failing.remove(operation);
    }

    synchronized long reserve(long address, long length) {
        if (fails("rangeReserve")) {
            return rangeResult;
        }
        long base = map((int) length);
        if (address != 0) {
            memory.put(address, memory.remove(base));
            base = address;
        }
        heldRanges.add(base);
        return base;
    }

    synchronized void retire(long address) {
        calls.add("rangeRetire");
        heldRanges.remove(address);
        unmap(address);
    }

    /** All of what is mapped at the address. */
    synchronized ByteBuffer mapping(long address) {
        return memory.get(address);
    }

    @Override
    public AddressRanges ranges() {
        return new AddressRanges() {
            @Override
            public long reserve(long address, long length, long seed) {
                return FakeCore.this.reserve(address, length);
            }

            @Override
            public void retire(long address, long length) {
                FakeCore.this.retire(address);
            }
        };
    }

    @Override
    public NativeRegions regions() {
        return new NativeRegions() {
            @Override
            public NativeRegion create(long base, long length, int homeFile, long homeOffset, long committed) {
                return FakeRegion.create(FakeCore.this, base, (int) length, committed);
            }

            @Override
            public NativeRegion createInPlace(long base, long length, InPlace inPlace) {
                return FakeRegion.createInPlace(FakeCore.this, base, (int) length, inPlace);
            }
        };
    }

    @Override
    public Batches batches() {
        return new Batches() {
            @Override
            public void forEachPage(long batch, long length, LongConsumer page) {
                ByteBuffer source = view(batch, (int) length);
                for (int entry = 0; entry < length; entry += ENTRY) {
                    page.accept(source.getLong(entry) / PAGE_SIZE);
                }
            }

            @Override
            public int apply(long batch, long length, long image, long imageLength) {
                synchronized (FakeCore.this) {
                    ByteBuffer source = view(batch, (int) length);
                    ByteBuffer target = view(image, (int) imageLength);
                    while (source.hasRemaining()) {
                        int offset = (int) source.getLong();
                        target.put(offset, source, source.position(), PAGE_SIZE);
                        source.position(source.position() + PAGE_SIZE);
                    }
                    return 0;
                }
            }
        };
    }

    @Override
    public MemoryCalls memory() {
        return new MemoryCalls() {
            @Override
            public long map(long length) {
                synchronized (FakeCore.this) {
                    return fails("memoryMap") ? -Errno.ENOMEM : FakeCore.this.map((int) length);
                }
            }

            @Override
            public void unmap(long address, long length) {
                FakeCore.this.unmap(address);
            }

            @Override
            public void discard(long address, long length) {
                synchronized (FakeCore.this) {
                    calls.add("memoryDiscard " + length);
                }
            }

            @Override
            public ByteBuffer view(long address, int length) {
                return FakeCore.this.view(address, length);
            }
        };
    }

    @Override
    public FileCalls files() {
        return files;
    }
}
