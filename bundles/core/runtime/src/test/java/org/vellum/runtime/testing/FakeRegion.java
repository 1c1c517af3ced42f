// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.testing;

import java.nio.ByteBuffer;
import java.util.Optional;
import org.vellum.api.provider.InPlace;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCallException;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativeRegion;
import org.vellum.nativelib.Relocation;

/** A region of {@link FakeCore}, which all of it is guarded by. */
final class FakeRegion implements NativeRegion {
    private static final int PAGE_SIZE = NativeCore.PAGE_SIZE;

    private final FakeCore core;
    private final long base;
    private final int length;
    private long committedView;
    /** Where the epoch of a region written in place is. */
    private long inPlaceEpoch;

    private long slotHeaders;
    private boolean closed;

    private FakeRegion(FakeCore core, long base, int length, long committedView) {
        this.core = core;
        this.base = base;
        this.length = length;
        this.committedView = committedView;
        core.view(base, length).put(core.view(committedView, length));
        core.heldRegions.add(base);
    }

    static FakeRegion create(FakeCore core, long base, int length, long committed) {
        synchronized (core) {
            if (core.fails("regionCreate")) {
                throw new NativeCallException("vellum_region_create", Errno.ENOMEM);
            }
            return new FakeRegion(core, base, length, committed);
        }
    }

    static FakeRegion createInPlace(FakeCore core, long base, int length, InPlace inPlace) {
        synchronized (core) {
            if (core.fails("regionCreateInPlace")) {
                throw new NativeCallException("vellum_region_create_in_place", Errno.ENOMEM);
            }
            FakeRegion region = new FakeRegion(core, base, length, inPlace.homeImage());
            region.writeTo(inPlace);
            return region;
        }
    }

    /** The fake store's home image is where the undo header should be, its epoch where the checksums should. */
    private void writeTo(InPlace inPlace) {
        inPlaceEpoch = inPlace.pageChecksums();
        slotHeaders = inPlace.undoSlotHeaders();
        committedView = inPlace.homeImage();
    }

    private void requireOpen() {
        if (closed) {
            throw new AssertionError("the region was closed");
        }
    }

    @Override
    public InPlaceCommit commitInPlace() {
        synchronized (core) {
            requireOpen();
            core.calls.add("regionCommitInPlace");
            ByteBuffer epoch = core.view(inPlaceEpoch, Long.BYTES);
            int dirty = 0;
            for (int page = 0; page < length; page += PAGE_SIZE) {
                ByteBuffer stored = core.view(base + page, PAGE_SIZE);
                if (!stored.equals(core.view(committedView + page, PAGE_SIZE))) {
                    core.view(committedView + page, PAGE_SIZE).put(stored);
                    core.view(slotHeaders + 64L * dirty++, 64)
                            .putLong(8, page / PAGE_SIZE)
                            .putLong(16, epoch.getLong(0) + 1);
                }
            }
            epoch.putLong(0, epoch.getLong(0) + (dirty == 0 ? 0 : 1));
            return new InPlaceCommit(epoch.getLong(0), dirty, 1000);
        }
    }

    @Override
    public Optional<String> attach(long vmm, long pageTable, long strategy) {
        synchronized (core) {
            requireOpen();
            return core.fails("regionAttach") ? Optional.of("the kernel says no") : Optional.empty();
        }
    }

    @Override
    public Swap swap(long vmm, long pageTable, long strategy, Relocation relocation) {
        synchronized (core) {
            requireOpen();
            if (core.fails("regionSwap") || !(relocation instanceof Relocation.None) && core.fails("relocation")) {
                return new Swap(0, 0, "the kernel says no");
            }
            relocate(relocation);
            return new Swap(3, 2000, null);
        }
    }

    @Override
    public Swap degrade(Relocation relocation) {
        synchronized (core) {
            requireOpen();
            core.calls.add("regionDegrade");
            relocate(relocation);
            return new Swap(3, 2000, null);
        }
    }

    /** What is stored to is the region's own memory in either case. */
    private void relocate(Relocation relocation) {
        if (relocation instanceof Relocation.ToWorkingImage working) {
            core.calls.add("toWorkingImage");
            committedView = working.committedView();
        } else if (relocation instanceof Relocation.ToHomeImage home) {
            core.calls.add("toHomeImage");
            writeTo(home.inPlace());
        }
    }

    @Override
    public void changeHome(int homeFile, long homeOffset, long committed) {
        synchronized (core) {
            requireOpen();
            if (core.fails("regionChangeHome")) {
                throw new NativeCallException("vellum_region_change_home", Errno.ENOMEM);
            }
            committedView = committed;
        }
    }

    @Override
    public long batchCapacity() {
        requireOpen();
        return (long) length / PAGE_SIZE * FakeCore.ENTRY + 128;
    }

    @Override
    public Cut cut(long batch) {
        core.duringCut.run();
        synchronized (core) {
            requireOpen();
            if (core.fails("regionCut")) {
                throw new IllegalStateException("the cut broke");
            }
            ByteBuffer working = core.mapping(base);
            ByteBuffer committed = core.view(committedView, length);
            ByteBuffer target = core.mapping(batch).clear();
            int pages = 0;
            for (int offset = 0; offset < length; offset += PAGE_SIZE) {
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
    public void cutPersisted() {
        synchronized (core) {
            requireOpen();
            core.calls.add("regionCutPersisted");
        }
    }

    @Override
    public long rollback() {
        synchronized (core) {
            requireOpen();
            ByteBuffer working = core.mapping(base).clear();
            working.put(core.view(committedView, length)).clear();
            return 1;
        }
    }

    @Override
    public void refuseStores() {
        synchronized (core) {
            requireOpen();
            core.calls.add("regionRefuseStores");
        }
    }

    @Override
    public Counters counters() {
        requireOpen();
        return new Counters(7, 2, 65536, 0);
    }

    @Override
    public void close() {
        core.duringDestroy.run();
        synchronized (core) {
            requireOpen();
            closed = true;
            core.calls.add("regionDestroy");
            core.heldRegions.remove(base);
            core.heldRanges.remove(base);
            core.unmap(base);
        }
    }
}
