// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import org.vellum.api.RegionException;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.StoreFile;

/**
 * The content of the last applied epoch in memory: a private writable mapping of the home image, so untouched pages are
 * the page cache's and cost nothing, and stores to it never reach the file by themselves.
 *
 * <p>Invariant: a page differs from the home image in the file only if it is in {@link #updated} or in a set taken from
 * it that is not yet durable at home. Changed by the control thread only; {@link HomeImage#writePages} reads it from
 * the trimmer's thread at the same time, which its comment explains.
 */
public final class CommittedView implements AutoCloseable {
    private final NativeCore core;
    private final long address;
    private final long size;
    private final PageSet updated;
    /** Read page by page when pages change; null: the view is a mapping of it. */
    private final StoreFile readFrom;

    private final long homeOffset;

    private volatile long highestEpoch;
    private boolean closed;
    private Batch previous;

    /** @param epoch the home image's */
    public CommittedView(NativeCore core, StoreFile file, ImageIdentity identity, long epoch) throws FileFailure {
        this.core = core;
        size = identity.size();
        address = file.mapPrivate(identity.homeOffset(), size);
        updated = new PageSet(identity.pages());
        readFrom = null;
        homeOffset = identity.homeOffset();
        highestEpoch = epoch;
    }

    private CommittedView(NativeCore core, ImageIdentity identity, long epoch, StoreFile readFrom) {
        this.core = core;
        size = identity.size();
        address = core.memory().map(size);
        if (address < 0) {
            throw new RegionException("cannot map " + size + " bytes of memory to look at " + readFrom.path() + ": "
                    + Errno.describe((int) address));
        }
        updated = new PageSet(identity.pages());
        this.readFrom = readFrom;
        homeOffset = identity.homeOffset();
        highestEpoch = epoch;
    }

    /**
     * A view of which only the updated pages mean anything, for who may not write to the file: a load of a hole of a
     * mapped file needs room on some file systems (tmpfs), and a bad block is a signal.
     */
    public static CommittedView ofUpdatedPages(NativeCore core, StoreFile file, ImageIdentity identity, long epoch) {
        return new CommittedView(core, identity, epoch, file);
    }

    public long address() {
        return address;
    }

    public PageSet newPageSet() {
        return new PageSet(updated.limit());
    }

    /**
     * Brings the view to the batch's epoch, all or nothing: entries out of bounds are found before anything is written.
     *
     * @return 0, or the negative errno of a malformed batch
     */
    public int tryApply(long epoch, long batch, long length) {
        highestEpoch = epoch; // before the first line changes: another thread copies pages and then asks
        previous = new Batch(core, batch, length, previous);
        previous.forEachPage(this::expectChange); // before it too: an error half way must not leave a page unknown
        return core.batches().apply(batch, length, address, size);
    }

    private void expectChange(long page) {
        if (page >= 0 && page < updated.limit()) {
            readFirst(page);
            updated.add(page); // a page outside stays as it is, and so do all others: the batch will be refused
        }
    }

    private void readFirst(long page) {
        if (readFrom == null || updated.contains(page)) {
            return;
        }
        long offset = page * NativeCore.PAGE_SIZE;
        try {
            readFrom.read(address + offset, NativeCore.PAGE_SIZE, homeOffset + offset);
        } catch (FileFailure e) {
            throw new RegionException(
                    readFrom.path() + " cannot be examined: " + e.getMessage() + "; " + e.wayOut(), e);
        }
    }

    public void apply(String region, long epoch, long batch, long length) {
        int result = tryApply(epoch, batch, length);
        if (result != 0) {
            throw new RegionException("region '" + region + "': the committed view cannot take over the batch of "
                    + length + " bytes: " + Errno.describe(result) + "; close and reopen the region to recover it");
        }
    }

    /** The highest epoch of which a page copied before this call may hold lines. */
    public long highestEpoch() {
        return highestEpoch;
    }

    /** Puts a page's content of the committed epoch into the view; the file keeps what it has. */
    public void putBack(long page, NativeMemory content) {
        updated.add(page);
        core.memory()
                .view(address + page * NativeCore.PAGE_SIZE, NativeCore.PAGE_SIZE)
                .put(content.view(0, NativeCore.PAGE_SIZE));
    }

    /** Takes back pages that were to be brought home and may not be there. */
    public void putBack(PageSet pages) {
        updated.addAll(pages);
    }

    /**
     * The home image holds {@code epoch} as a whole, and from now on is changed by others: the view forgets its private
     * copies and shows what is there. Only while no page is {@link #updated}.
     */
    public void follow(long epoch) {
        core.memory().discard(address, size);
        highestEpoch = epoch;
    }

    /** Moves the pages updated since the last call into another set. */
    public void takeUpdated(PageSet to) {
        to.addAll(updated);
        updated.clear();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            core.memory().unmap(address, size);
        }
    }
}
