// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import org.osgi.annotation.versioning.ProviderType;

/**
 * An image on its way from another store, see {@link Store#receive}. The order of a move, in which one of the two images is
 * the region's at any moment, and the other one says so:
 *
 * <ol>
 *   <li>{@link #write} every page, while the region goes on committing where it is; pages that its commits have changed
 *       again; {@link #sync} in between;
 *   <li>with no commit going on: {@link #write} what is left, {@link #complete}. From here on both images hold the same
 *       epoch. This one is the region's if, and only if, the other one says that it left for here;
 *   <li>{@link StoreImage#depart} of the other one: this is the instant of the move;
 *   <li>{@link #open}.
 * </ol>
 *
 * Used by one thread at a time.
 */
@ProviderType
public interface IncomingImage extends AutoCloseable {
    /** Where it will be. */
    Place place();

    /**
     * Writes pages; they may be written any number of times. Memory that changes meanwhile may be written as any mixture,
     * and is to be written again.
     *
     * @param firstPage in the region
     * @param pages how many
     * @param address of their content
     * @throws org.vellum.api.RegionException the medium refused
     */
    void write(long firstPage, int pages, long address);

    /**
     * Makes durable what was written, so that little is left for {@link #complete}.
     *
     * @throws org.vellum.api.RegionException the medium refused
     */
    void sync();

    /**
     * Every page holds what it had at the end of this epoch: makes the image durable, under its name.
     *
     * @throws org.vellum.api.RegionException the medium refused; to be closed
     */
    void complete(long epoch);

    /**
     * Opens the complete image, for its origin has departed. This object is done then, whatever becomes of it.
     *
     * @param observer as in {@link Store#open}
     * @throws org.vellum.api.RegionException as {@link Store#open}
     */
    StoreImage open(PhaseObserver observer);

    /** The image is not needed: removes all of it. Does nothing once {@link #open} or {@link #leave} was called. */
    @Override
    void close();

    /** Lets go of the files as they are: nobody knows whether the origin says that it has departed. */
    void leave();
}
