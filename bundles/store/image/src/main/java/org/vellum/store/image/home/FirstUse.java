// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import org.vellum.api.CommitException;
import org.vellum.api.RegionException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.PageChecksums;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.StoreFile;

/**
 * Compares the home image with its page checksums, block by block, before anything that was built on it is relied on: a
 * block before the first epoch that changes it is durable, and before it is copied to another image. A page that the
 * medium has lost or changed is an error that names it, and is never logged against, written home with a new checksum,
 * or moved.
 *
 * <p>Once for each block and opening: later the checksums are those of what this process wrote. When a block's turn
 * comes, no epoch since the opening has changed it, and what recovery replayed is at home with its checksums: so they
 * speak of all its pages, whatever the trimmer is doing.
 *
 * <p>Any thread: {@link #checked} is guarded by this object, and so is the room.
 */
public final class FirstUse implements AutoCloseable {
    /** As large as the smallest block that the working image copies. */
    private static final int BLOCK_PAGES = 16;

    /** The blocks that the batch at hand changes and that are not checked yet. */
    private static final class Expected {
        private final PageSet blocks;
        /** The set need not be looked through for every batch: a large region has many words. */
        private boolean any;

        Expected(long limit) {
            blocks = new PageSet(limit);
        }

        void add(long block) {
            blocks.add(block);
            any = true;
        }

        void clear() {
            blocks.clear();
            any = false;
        }
    }

    private final String region;
    private final NativeCore core;
    private final StoreFile file;
    private final ImageIdentity identity;
    private final PageCheck check;
    private final NativeMemory room;
    /** By number of block. */
    private final PageSet checked;

    private final Expected expected;

    private Batch previous;

    public FirstUse(String region, NativeCore core, StoreFile file, ImageIdentity identity) {
        this.region = region;
        this.core = core;
        this.file = file;
        this.identity = identity;
        check = new PageCheck(core, file, identity);
        room = new NativeMemory(core, BLOCK_PAGES * (NativeCore.PAGE_SIZE + (long) PageChecksums.ENTRY_SIZE));
        checked = new PageSet((identity.pages() + BLOCK_PAGES - 1) / BLOCK_PAGES);
        expected = new Expected(checked.limit());
    }

    /**
     * What a batch changes of the home image must be what was committed there.
     *
     * @param batch address of a batch, which may name pages outside of the region: its application refuses them
     * @throws org.vellum.api.DamagedImageException a block that it changes is damaged
     * @throws CommitException the checksums cannot be read
     */
    public synchronized void requireIntactBeforeCommit(long batch, long length) {
        previous = new Batch(core, batch, length, previous);
        previous.forEachPage(this::expect);
        if (!expected.any) {
            return;
        }
        try {
            requireExpectedIntact();
        } catch (FileFailure e) {
            throw new CommitException(
                    "region '" + region + "': what an epoch changes for the first time cannot be compared"
                            + " with its page checksums: " + e.getMessage() + "; " + e.wayOut(),
                    e);
        }
    }

    private void requireExpectedIntact() throws FileFailure {
        try {
            for (long block = expected.blocks.next(0); block >= 0; block = expected.blocks.next(block + 1)) {
                requireIntact(block);
            }
        } finally {
            expected.clear();
        }
    }

    private void expect(long page) {
        if (page >= 0 && page < identity.pages() && !checked.contains(page / BLOCK_PAGES)) {
            expected.add(page / BLOCK_PAGES);
        }
    }

    /**
     * Pages that follow each other must be what was written there.
     *
     * @throws org.vellum.api.DamagedImageException one of them is damaged
     * @throws RegionException the checksums cannot be read
     */
    public synchronized void requireIntact(long firstPage, int pages) {
        try {
            for (long block = firstPage / BLOCK_PAGES; block * BLOCK_PAGES < firstPage + pages; block++) {
                if (!checked.contains(block)) {
                    requireIntact(block);
                }
            }
        } catch (FileFailure e) {
            throw new RegionException(
                    "region '" + region + "': its page checksums cannot be read: " + e.getMessage() + "; " + e.wayOut(),
                    e);
        }
    }

    private void requireIntact(long block) throws FileFailure {
        long first = block * BLOCK_PAGES;
        long damaged = check.firstDamaged(first, (int) Math.min(BLOCK_PAGES, identity.pages() - first), room);
        if (damaged >= 0) {
            throw HomeImage.damaged(
                    region,
                    file,
                    identity.homeOffset() + damaged * NativeCore.PAGE_SIZE,
                    "page " + damaged + " of the home image does not fit its checksum at offset "
                            + PageChecksums.offset(identity, damaged)
                            + ", or cannot be read: the medium has changed or lost it");
        }
        checked.add(block);
    }

    @Override
    public synchronized void close() {
        room.close();
    }
}
