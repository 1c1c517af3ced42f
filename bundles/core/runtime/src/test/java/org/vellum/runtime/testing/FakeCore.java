// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.testing;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import org.vellum.api.provider.InPlace;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Relocation;

/**
 * A core whose addresses are made up and whose memory is on the heap. A cut finds the changed pages by comparing the
 * whole region with its committed view, so pages that were not persisted are carried without further ado. A batch is
 * the numbers and contents of the changed pages; {@link #batchApply} understands it.
 */
public final class FakeCore implements NativeCore {
    private static final int ENTRY = Long.BYTES + PAGE_SIZE;

    /** Operations that fail when called next. */
    public final List<String> failing = new ArrayList<>();
    /** Ranges reserved or regions mapped, by address. */
    public final List<Long> heldRanges = new ArrayList<>();

    public final List<Long> heldRegions = new ArrayList<>();
    public final List<String> calls = new ArrayList<>();
    private final TreeMap<Long, ByteBuffer> memory = new TreeMap<>();
    private final Map<Long, Long> committedViews = new HashMap<>();
    /** Where the epoch of a region written in place is. */
    private final Map<Long, Long> inPlaceEpochs = new HashMap<>();

    private final Map<Long, Long> slotHeaders = new HashMap<>();

    private final Map<Integer, byte[]> files = new TreeMap<>();
    /** Descriptors that were duplicated and are open. */
    public final Map<Integer, Integer> duplicates = new TreeMap<>();

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

    @Override
    public synchronized ByteBuffer view(long address, int length) {
        Map.Entry<Long, ByteBuffer> area = memory.floorEntry(address);
        return area.getValue().slice((int) (address - area.getKey()), length).order(ByteOrder.nativeOrder());
    }

    /** A file that descriptors of this core lead to. */
    synchronized int addFile(byte[] content) {
        int file = 3 + files.size();
        files.put(file, content);
        return file;
    }

    private boolean fails(String operation) {
        calls.add(operation);
        return failing.remove(operation);
    }

    @Override
    public synchronized long rangeReserve(long address, long length, long seed) {
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

    @Override
    public synchronized void rangeRetire(long address, long length) {
        calls.add("rangeRetire");
        heldRanges.remove(address);
        unmap(address);
    }

    @Override
    public synchronized long regionCreate(long base, long length, int homeFile, long homeOffset, long committed) {
        if (fails("regionCreate")) {
            return -Errno.ENOMEM;
        }
        view(base, (int) length).put(view(committed, (int) length));
        committedViews.put(base, committed);
        heldRegions.add(base);
        return base;
    }

    /** The fake store's home image is where the undo header should be, its epoch where the checksums should. */
    @Override
    public synchronized long regionCreateInPlace(long base, long length, InPlace inPlace) {
        if (fails("regionCreateInPlace")) {
            return -Errno.ENOMEM;
        }
        view(base, (int) length).put(view(inPlace.homeImage(), (int) length));
        inPlaceEpochs.put(base, inPlace.pageChecksums());
        slotHeaders.put(base, inPlace.undoSlotHeaders());
        committedViews.put(base, inPlace.homeImage());
        heldRegions.add(base);
        return base;
    }

    @Override
    public synchronized InPlaceCommit regionCommitInPlace(long region) {
        calls.add("regionCommitInPlace");
        long home = committedViews.get(region);
        int length = memory.get(region).capacity();
        ByteBuffer epoch = view(inPlaceEpochs.get(region), Long.BYTES);
        int dirty = 0;
        for (int page = 0; page < length; page += PAGE_SIZE) {
            if (!view(region + page, PAGE_SIZE).equals(view(home + page, PAGE_SIZE))) {
                view(home + page, PAGE_SIZE).put(view(region + page, PAGE_SIZE));
                view(slotHeaders.get(region) + 64L * dirty++, 64)
                        .putLong(8, page / PAGE_SIZE)
                        .putLong(16, epoch.getLong(0) + 1);
            }
        }
        epoch.putLong(0, epoch.getLong(0) + (dirty == 0 ? 0 : 1));
        return new InPlaceCommit(epoch.getLong(0), dirty, 1000);
    }

    @Override
    public synchronized String regionAttach(long region, long vmm, long pageTable, long strategy) {
        return fails("regionAttach") ? "the kernel says no" : null;
    }

    @Override
    public synchronized Swap regionSwap(long region, long vmm, long pageTable, long strategy, Relocation relocation) {
        if (fails("regionSwap") || !(relocation instanceof Relocation.None) && fails("relocation")) {
            return new Swap(0, 0, "the kernel says no");
        }
        relocate(region, relocation);
        return new Swap(3, 2000, null);
    }

    /** What is stored to is the region's own memory in either case. */
    private void relocate(long region, Relocation relocation) {
        if (relocation instanceof Relocation.ToWorkingImage working) {
            calls.add("toWorkingImage");
            inPlaceEpochs.remove(region);
            committedViews.put(region, working.committedView());
        } else if (relocation instanceof Relocation.ToHomeImage home) {
            calls.add("toHomeImage");
            inPlaceEpochs.put(region, home.inPlace().pageChecksums());
            slotHeaders.put(region, home.inPlace().undoSlotHeaders());
            committedViews.put(region, home.inPlace().homeImage());
        }
    }

    @Override
    public synchronized int regionChangeHome(long region, int homeFile, long homeOffset, long committed) {
        if (fails("regionChangeHome")) {
            return -Errno.ENOMEM;
        }
        committedViews.put(region, committed);
        return 0;
    }

    @Override
    public synchronized Swap regionDegrade(long region, Relocation relocation) {
        calls.add("regionDegrade");
        relocate(region, relocation);
        return new Swap(3, 2000, null);
    }

    @Override
    public void regionDestroy(long region) {
        duringDestroy.run();
        destroy(region);
    }

    private synchronized void destroy(long region) {
        calls.add("regionDestroy");
        heldRegions.remove(region);
        heldRanges.remove(region);
        unmap(region);
    }

    @Override
    public Cut regionCut(long region, long batch) {
        duringCut.run();
        synchronized (this) {
            if (fails("regionCut")) {
                throw new IllegalStateException("the cut broke");
            }
            ByteBuffer working = memory.get(region);
            ByteBuffer committed = view(committedViews.get(region), working.capacity());
            ByteBuffer target = memory.get(batch).clear();
            int pages = 0;
            for (int offset = 0; offset < working.capacity(); offset += PAGE_SIZE) {
                ByteBuffer page = working.slice(offset, PAGE_SIZE);
                if (page.mismatch(committed.slice(offset, PAGE_SIZE)) >= 0) {
                    target.putLong(offset).put(page);
                    pages++;
                }
            }
            return new Cut(pages, pages, target.position(), 1000);
        }
    }

    @Override
    public synchronized void batchPages(long batch, long length, LongConsumer page) {
        ByteBuffer source = view(batch, (int) length);
        for (int entry = 0; entry < length; entry += Long.BYTES + PAGE_SIZE) {
            page.accept(source.getLong(entry) / PAGE_SIZE);
        }
    }

    @Override
    public synchronized void regionCutPersisted(long region) {
        calls.add("regionCutPersisted");
    }

    @Override
    public synchronized long regionRollback(long region) {
        ByteBuffer working = memory.get(region).clear();
        working.put(view(committedViews.get(region), working.capacity())).clear();
        return 1;
    }

    @Override
    public synchronized void regionRefuseStores(long region) {
        calls.add("regionRefuseStores");
    }

    @Override
    public Counters regionCounters(long region) {
        return new Counters(7, 2, 65536, 0);
    }

    @Override
    public synchronized long batchCapacity(long region) {
        return (long) memory.get(region).capacity() / PAGE_SIZE * ENTRY + 128;
    }

    @Override
    public synchronized int batchApply(long batch, long length, long image, long imageLength) {
        ByteBuffer source = view(batch, (int) length);
        ByteBuffer target = view(image, (int) imageLength);
        while (source.hasRemaining()) {
            int offset = (int) source.getLong();
            target.put(offset, source, source.position(), PAGE_SIZE);
            source.position(source.position() + PAGE_SIZE);
        }
        return 0;
    }

    @Override
    public synchronized long memoryMap(long length) {
        return fails("memoryMap") ? -Errno.ENOMEM : map((int) length);
    }

    @Override
    public synchronized void memoryUnmap(long address, long length) {
        unmap(address);
    }

    @Override
    public synchronized void memoryDiscard(long address, long length) {
        calls.add("memoryDiscard " + length);
    }

    // Files are the store's, and the fake store has none.

    @Override
    public int fileOpen(String path, boolean create, boolean exclusive) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fileOpenToRead(String path) {
        throw new UnsupportedOperationException();
    }

    @Override
    public synchronized int fileClose(int file) {
        if (duplicates.remove(file) == null) {
            throw new AssertionError("not open: " + file);
        }
        return 0;
    }

    @Override
    public long fileSize(int file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fileWrite(int file, long data, long length, long offset) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fileRead(int file, long data, long length, long offset) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fileSyncData(int file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fileSyncDirectory(String path) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fileAllocate(int file, long offset, long length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Medium fileMedium(int file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long fileMakeReal(int file, long offset, long length, boolean fresh) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fileIsNamed(int file, String path) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fileCloseToOthers(int file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fileTruncate(int file, long length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public synchronized int fileLock(int file) {
        return fails("fileLock") ? -Errno.EAGAIN : 0;
    }

    @Override
    public int fileLockShared(int file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long fileFreeSpace(String directory) {
        throw new UnsupportedOperationException();
    }

    @Override
    public synchronized long fileMapPrivate(int file, long offset, long length) {
        if (fails("fileMapPrivate")) {
            return -Errno.ENOMEM;
        }
        long address = map((int) length);
        view(address, (int) length).put(files.get(duplicates.getOrDefault(file, file)));
        return address;
    }

    @Override
    public long fileMapShared(int file, long offset, long length, boolean synchronous) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fileInMemory(String name) {
        throw new UnsupportedOperationException();
    }

    @Override
    public synchronized int fileUnlock(int file) {
        calls.add("fileUnlock");
        return 0;
    }

    @Override
    public synchronized int fileDuplicate(int file) {
        if (fails("fileDuplicate")) {
            return -Errno.EINVAL;
        }
        int duplicate = 1000 + duplicates.size();
        duplicates.put(duplicate, file);
        return duplicate;
    }
}
