// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.util.List;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;

/**
 * Takes the place of a region's image while its store is away. The store has closed the image, so the home image's file
 * holds the last committed epoch; this keeps a descriptor of it, locked so that nobody else opens the image, and a view
 * of its own. So loads, stores and rollback go on, and the next commit to be is refused by the missing store's name.
 *
 * <p>Used with the region's control lock held.
 */
public final class StoreAway implements StoreImage {
    private final NativeCore core;
    private final String region;
    private final String store;
    private final int file;
    private final long homeOffset;
    private final long size;
    private final long address;
    private final long identity;
    private final long epoch;
    private long view;

    /**
     * To be followed by {@link #map}, when the store has closed the image.
     *
     * @throws RegionException no descriptor is left
     */
    public StoreAway(NativeCore core, String region, String store, StoreImage leaving) {
        this.core = core;
        this.region = region;
        this.store = store;
        this.homeOffset = leaving.homeOffset();
        this.size = leaving.size();
        this.address = leaving.address();
        this.identity = leaving.identity();
        this.epoch = leaving.epoch();
        this.file = core.files().duplicate(leaving.homeFile());
        if (file < 0) {
            throw new RegionException(
                    "region '" + region + "': its image cannot be kept without its store: " + Errno.describe(file));
        }
    }

    /** @throws RegionException there is no address space left */
    public void map() {
        long mapped = core.files().mapPrivate(file, homeOffset, size);
        if (mapped < 0) {
            throw new RegionException(
                    "region '" + region + "': its image cannot be mapped: " + Errno.describe((int) mapped));
        }
        view = mapped;
    }

    /** The name of the store that is away. */
    public String store() {
        return store;
    }

    /** For what the image's absence forbids. */
    public ProviderMissingException missing(String operation) {
        return new ProviderMissingException("region '" + region + "': " + operation + " refused: " + sentence());
    }

    private String sentence() {
        return "its store '" + store + "' is away; the stores stay uncommitted until the bundle that provides it is"
                + " started again";
    }

    /** The same image, opened again. */
    public boolean isContinuedBy(StoreImage other) {
        return other.identity() == identity && other.size() == size && other.epoch() == epoch;
    }

    /** Lets the store open the image. */
    public void unlock() {
        core.files().unlock(file);
    }

    /** @return whether nobody has the image open */
    public boolean lock() {
        return core.files().lock(file) == 0;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public long address() {
        return address;
    }

    @Override
    public long identity() {
        return identity;
    }

    @Override
    public void recordAddress(long recorded) {
        throw missing("recording its address");
    }

    @Override
    public long epoch() {
        return epoch;
    }

    @Override
    public int homeFile() {
        return file;
    }

    @Override
    public long homeOffset() {
        return homeOffset;
    }

    @Override
    public long committedView() {
        return view;
    }

    @Override
    public long persist(long batch, long length) {
        throw missing("commit");
    }

    @Override
    public void apply(long batch, long length) {
        throw missing("commit");
    }

    /** The store did that when it closed the image. */
    @Override
    public void forgetFailedBatch() {}

    @Override
    public long loggedBytes() {
        return 0;
    }

    @Override
    public long logSize() {
        return 0;
    }

    @Override
    public List<String> remarks() {
        return List.of("degraded, commits are refused: " + sentence());
    }

    @Override
    public void close() {
        if (view != 0) {
            core.memory().unmap(view, size);
            view = 0;
        }
        core.files().close(file);
    }

    /** There is nothing to write: nothing was committed through it. */
    @Override
    public boolean isWrittenBack() {
        return true;
    }
}
