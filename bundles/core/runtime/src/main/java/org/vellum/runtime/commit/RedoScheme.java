// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativeRegion;

/**
 * Commits by a log of post-images: the cut encodes the lines that changed into a batch, the store makes the batch
 * durable, then the committed view takes it over. The store's image is written behind the commits.
 */
public final class RedoScheme implements CommitScheme {
    /** What a batch buffer may keep of the memory that a large commit took. */
    private static final long KEPT_BATCH_MEMORY = 4L << 20;

    private final NativeCore core;
    private StoreImage image;
    private final NativeRegion region;
    private final long batch;
    private final long batchMemory;

    /** Of the last cut. */
    private long batchLength;
    /** A batch was handed to the store that did not make it durable. */
    private boolean failedBatch;

    /**
     * @param name the region's, for messages
     * @param region closed with the scheme
     * @throws RegionException there is no memory for batches
     */
    public static RedoScheme create(String name, NativeCore core, StoreImage image, NativeRegion region) {
        long batchMemory = region.batchCapacity();
        long batch = core.memory().map(batchMemory);
        if (batch < 0) {
            throw new RegionException("region '" + name + "': no memory for its commits (" + batchMemory + " bytes): "
                    + Errno.describe((int) batch));
        }
        return new RedoScheme(core, image, region, batch, batchMemory);
    }

    private RedoScheme(NativeCore core, StoreImage image, NativeRegion region, long batch, long batchMemory) {
        this.core = core;
        this.image = image;
        this.region = region;
        this.batch = batch;
        this.batchMemory = batchMemory;
    }

    @Override
    public Cut cut() throws Failure {
        NativeRegion.Cut cut;
        try {
            cut = region.cut(batch);
        } catch (RuntimeException | Error e) {
            throw new Failure("the cut failed: " + e.getMessage() + "; the stores stay uncommitted", e, false);
        }
        batchLength = cut.batchLength();
        return new Cut(cut.dirtyPages(), cut.changedLines() * NativeCore.LINE_SIZE, cut.gateNanoseconds());
    }

    @Override
    public void pagesOfCut(LongConsumer page) {
        core.batches().forEachPage(batch, batchLength, page);
    }

    /** The next cut compares with the committed view, so this returns only when the view has this one. */
    @Override
    public long complete() throws Failure {
        try {
            if (batchLength > 0) {
                persist();
            } else if (failedBatch) {
                // The stores that failed to commit have been undone by later ones. What is acknowledged now is the
                // last epoch, so recovery must not find the one that failed.
                forgetFailed();
            }
            region.cutPersisted();
            return image.epoch();
        } finally {
            if (batchLength > KEPT_BATCH_MEMORY) {
                core.memory().discard(batch + KEPT_BATCH_MEMORY, batchMemory - KEPT_BATCH_MEMORY);
            }
        }
    }

    private void persist() throws Failure {
        long durable;
        try {
            durable = image.persist(batch, batchLength);
        } catch (RuntimeException | Error e) {
            failedBatch = true;
            throw new Failure(
                    "the store could not make epoch " + (image.epoch() + 1) + " durable: " + e.getMessage()
                            + "; the stores stay uncommitted and are part of the next commit",
                    e,
                    false);
        }
        failedBatch = false;
        try {
            image.apply(batch, batchLength);
        } catch (RuntimeException | Error e) {
            throw new Failure(
                    "epoch " + durable + " is durable, but the committed view did not take it over (" + e.getMessage()
                            + "); close the region and open it again",
                    e,
                    true);
        }
    }

    @Override
    public void forgetFailed() throws Failure {
        try {
            image.forgetFailedBatch();
        } catch (RuntimeException | Error e) {
            throw new Failure(
                    "the store could not take back the batch that failed before: " + e.getMessage()
                            + "; the stores stay uncommitted",
                    e,
                    false);
        }
        failedBatch = false;
    }

    @Override
    public void rollback() {
        region.rollback();
    }

    @Override
    public long loggedBytes() {
        return image.loggedBytes();
    }

    @Override
    public Set<Phase> phases() {
        return EnumSet.allOf(Phase.class);
    }

    @Override
    public List<String> remarks() {
        return List.of();
    }

    @Override
    public void close() {
        region.close();
        release();
    }

    @Override
    public void release() {
        core.memory().unmap(batch, batchMemory);
    }

    @Override
    public StoreImage image() {
        return image;
    }

    @Override
    public boolean isInPlace() {
        return false;
    }

    @Override
    public void changeImage(StoreImage next) {
        image = next;
        failedBatch = false; // closing the image before took it back
    }
}
