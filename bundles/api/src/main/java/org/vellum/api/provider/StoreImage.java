// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/**
 * One region's durable image, open. The runtime calls {@link #persist}, {@link #apply}, {@link #recordAddress} and
 * {@link #close} one at a time, and the other methods from any thread.
 *
 * <p>The commit path, in this order and no other: the cut writes a batch; {@link #persist} makes it durable; the commit is
 * acknowledged; {@link #apply} brings the committed view up to date <em>before</em> the next cut compares with it
 * (the design's redo rule 1).
 */
@ProviderType
public interface StoreImage extends AutoCloseable {
    /** Size in bytes, as created. */
    long size();

    /** The virtual address the region is mapped at in every run; 0 until {@link #recordAddress}. */
    long address();

    /** A random number that tells this image's records from all others'; also the seed of address choice. */
    long identity();

    /** Makes a new image's address durable. Called once, before the first batch. */
    void recordAddress(long address);

    /** The last durable epoch. */
    long epoch();

    /** Descriptor of the file that holds the home image; the image keeps owning it. */
    int homeFile();

    /** Where page 0 is in {@link #homeFile}: bytes, a multiple of the page size. */
    long homeOffset();

    /** Address of the committed view: {@link #size} bytes that hold the last applied epoch. Written by {@link #apply} only. */
    long committedView();

    /**
     * Makes a batch durable as the next epoch. The store completes the header (all fields but the entry count), so the
     * batch's memory must be writable.
     *
     * @param batch address of the batch as the cut wrote it, with at least 64 bytes of room behind {@code length}
     * @param length bytes of header and payload
     * @return the epoch, now durable: data and all metadata that recovery needs have reached the device
     * @throws org.vellum.api.CommitException it is not durable and will not be found by recovery, or this image
     *     accepts no batch until that is so
     */
    long persist(long batch, long length);

    /**
     * Applies the batch that {@link #persist} just made durable to the committed view.
     */
    void apply(long batch, long length);

    /**
     * Called before a rollback, and after a {@link #depart} that failed: nothing of a failed batch may be found by a later
     * recovery, and the image is the region's.
     */
    void forgetFailedBatch();

    /**
     * The instant of a move: from now on the image at {@code to}, which holds the same epoch, is the region's, durably.
     * This one keeps its content, says where the region is, and is to be closed.
     *
     * @throws org.vellum.api.RegionException the medium failed, and may say either: see {@link #forgetFailedBatch}
     */
    default void depart(Place to) {
        throw new UnsupportedOperationException("the image cannot be moved");
    }

    /**
     * Makes the image ready to be written in place, by the native core: the home image holds the last epoch, there is room
     * for a pre-image of every page, and a crash from now on is recovered from those. Until {@link #endInPlace} the home
     * image is the core's: it commits by the epoch word, {@link #epoch} tells it, {@link #persist} and {@link #apply} are
     * not called, and the committed view means nothing. Called by the control thread; what is stored and not committed
     * is in the region's working image then, and no matter of this image's.
     *
     * @return empty: this store cannot; nothing has changed
     * @throws org.vellum.api.RegionException there is no room, or the medium failed; the image goes on as before, though
     *     {@link #persist} may refuse until the medium works again
     */
    default Optional<InPlace> beginInPlace() {
        return Optional.empty();
    }

    /**
     * The image is not written in place any more; batches are accepted again, and the committed view holds {@code epoch}.
     * Before this call the core has returned the home image to the last committed epoch, durably, and lets go of all that
     * {@link InPlace} names. A {@link #close} without this call leaves the image to the next open, as a crash does.
     *
     * @param epoch the last committed one
     * @throws org.vellum.api.RegionException the medium failed. Nothing is lost, but the home image must not be stored to
     *     any more: call this again, or close
     */
    default void endInPlace(long epoch) {
        throw new IllegalStateException("the image is not written in place");
    }

    /**
     * Looks whether the image's files are still where the next open looks for them. Called at the start of each commit and
     * for each status; control.
     *
     * @return a sentence that says what was deleted, renamed or replaced, and what can be done; empty: all is there, which it
     *     may be again later
     */
    default Optional<String> lost() {
        return Optional.empty();
    }

    /**
     * Compares pages of the home image with their checksums before they are copied elsewhere. Any thread, while the image is
     * not written in place.
     *
     * @throws org.vellum.api.DamagedImageException one of them is not what was written there, or cannot be read; says which
     */
    default void requireIntact(long firstPage, int pages) {}

    /** Bytes written to the log since the image was opened, headers and padding included. */
    long loggedBytes();

    /** Bytes the log takes now. */
    long logSize();

    /** Sentences for the region's status, such as what recovery found. */
    List<String> remarks();

    /** Writes the home image back, so that the next open has nothing to replay, and lets go of the files. Idempotent. */
    @Override
    void close();

    /**
     * After {@link #close}: whether the file that holds the home image holds the last durable epoch, so that a region can
     * go on from it without its store. False when writing back failed, and of an image that is open.
     */
    boolean isWrittenBack();
}
