// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.util.OptionalLong;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.FileCalls;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Persistence;
import org.vellum.store.image.medium.MappedFiles.Demand;

/**
 * A file that is written through a shared mapping of all of it: a write is a copy past the caches, a sync is a fence,
 * and neither is a system call.
 *
 * <p>What a fence cannot make durable is what the file system keeps of the file: its size and which blocks it has.
 * <ul>
 *   <li>On a MAP_SYNC mapping the kernel makes a block durable before the first store to it can go on. The size it does
 *       not.
 *   <li>So after {@link #allocate}, {@link #truncate} and the creation of the file, the next sync is a real one
 *       (fdatasync). These come when an image is made and when its log grows, never when a batch is appended.
 *   <li>Ranges without written blocks are not stored to: {@link #allocate} and {@link #makeReal} come first. What has
 *       one needs no room, so a full file system never answers a store with SIGBUS.
 *   <li>Where that is not so, because the medium writes every block to a new place (Btrfs, ZFS) or nothing is known of
 *       it, nothing is stored: writes and syncs are system calls, which fail instead, and {@link #mapping} is empty.
 * </ul>
 *
 * <p>A fence makes durable what its own thread stored. Who writes and then syncs on one thread, as all code of this
 * package does, need not think of it; that somebody else's sync covers one's own write cannot be relied on.
 *
 * <p>Reads go to the file system: where the medium has lost a block they report it (EIO), whereas a load would end the
 * process with SIGBUS.
 */
final class MappedFile extends ForwardingStoreFile {
    private final NativeCore core;
    private final Persistence persistence;
    private final Demand demand;
    private final MappedFiles.Listener listener;
    /** The medium overwrites its blocks where they are. */
    private final boolean stored;

    // Guarded by this: a growth must not take the mapping from under a write.
    private long address;
    private long mapped;
    /** Size or blocks have changed, and are not durable. */
    private boolean metadataChanged;

    private MappedFile(
            StoreFile file,
            boolean created,
            NativeCore core,
            Persistence persistence,
            Demand demand,
            MappedFiles.Listener listener) {
        super(file);
        this.stored =
                demand == Demand.SYNCHRONOUS || core.files().medium(file.descriptor()) == FileCalls.Medium.OVERWRITES;
        this.metadataChanged = created;
        this.core = core;
        this.persistence = persistence;
        this.demand = demand;
        this.listener = listener;
    }

    /** @param file open; owned by the result, and closed when there is none */
    static MappedFile map(
            StoreFile file,
            boolean created,
            NativeCore core,
            Persistence persistence,
            Demand demand,
            MappedFiles.Listener listener)
            throws FileFailure {
        MappedFile mappedFile = new MappedFile(file, created, core, persistence, demand, listener);
        boolean complete = false;
        try {
            mappedFile.mapAgain();
            complete = true;
            return mappedFile;
        } finally {
            if (!complete) {
                file.close();
            }
        }
    }

    /** Brings the mapping to the file's size. After a failure nothing is mapped. */
    private synchronized void mapAgain() throws FileFailure {
        long size = stored ? size() : 0;
        if (size == mapped) {
            return;
        }
        unmap();
        if (size == 0) {
            return; // there is no empty mapping
        }
        long result = core.files().mapShared(descriptor(), 0, size, demand == Demand.SYNCHRONOUS);
        if (result < 0) {
            String how = demand == Demand.SYNCHRONOUS ? "synchronous (MAP_SYNC)" : "shared";
            throw new FileFailure(how + " mapping of " + size + " bytes of " + path(), (int) result);
        }
        address = result;
        mapped = size;
        listener.mapped(path(), address, mapped);
    }

    private void unmap() {
        if (mapped > 0) {
            listener.unmapped(path(), address);
            core.memory().unmap(address, mapped);
            mapped = 0;
        }
    }

    @Override
    public synchronized void write(long source, long length, long offset) throws FileFailure {
        if (!stored) {
            super.write(source, length, offset);
            return;
        }
        if (offset < 0 || length < 0 || offset > mapped - length) {
            throw new FileFailure(
                    "write of " + length + " bytes at offset " + offset + " of " + path() + ", which has " + mapped
                            + " bytes mapped",
                    Errno.EINVAL);
        }
        persistence.store(address + offset, source, length);
    }

    @Override
    public synchronized void syncData(PersistPoint point) throws FileFailure {
        persistence.fence(point.number());
        if (metadataChanged || !stored) {
            super.syncData(point);
            metadataChanged = false;
        }
    }

    @Override
    public synchronized void allocate(long offset, long length) throws FileFailure {
        metadataChanged = true;
        super.allocate(offset, length);
        mapAgain();
    }

    /** By system calls, which a full file system can refuse. */
    @Override
    public synchronized long makeReal(long offset, long length, boolean fresh) throws FileFailure {
        long made = super.makeReal(offset, length, fresh);
        metadataChanged |= fresh && made > 0;
        return made;
    }

    @Override
    public synchronized void truncate(long length) throws FileFailure {
        metadataChanged = true;
        if (length < mapped) {
            unmap(); // what is stored behind a file's end is a SIGBUS
        }
        super.truncate(length);
        mapAgain();
    }

    @Override
    public synchronized OptionalLong mapping() {
        return mapped > 0 ? OptionalLong.of(address) : OptionalLong.empty();
    }

    @Override
    public synchronized void close() {
        unmap();
        super.close();
    }
}
