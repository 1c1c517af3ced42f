// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.versioning.ProviderType;

/** A store: where images and logs live. A service registered with {@link #PROPERTY}. */
@ProviderType
public interface Store {
    /** Service property: the store's name. */
    String PROPERTY = "vellum.store";

    /**
     * Service property, a {@link Boolean}: {@code true} says that what is committed to this store outlives the process and
     * a power cut. Only such a store is taken for a region whose options name none ({@code auto}). A store without the
     * property, or with {@code false}, has to be asked for.
     */
    String DURABLE_PROPERTY = "vellum.store.durable";

    /** What a store knows of an image without opening it. */
    enum Presence {
        /** It has the image, or something under the image's name that only opening it can judge. */
        HERE,
        /** It had the image, or was about to get it, and the image is in another store; {@link #open} says in which. */
        ELSEWHERE,
        /** It has nothing under that name. */
        ABSENT,
        /** It cannot tell. */
        UNKNOWN
    }

    /** The store's name, such as {@code file}. */
    String name();

    /**
     * Opens an image, creating it if it does not exist and {@link Request#size} allows, and recovers it: when this
     * returns, the committed view holds exactly the last committed epoch.
     *
     * @param request what to open
     * @param observer told about recovery and every later phase of this image
     * @return the image, held exclusively until closed
     * @throws org.vellum.api.InvalidRegionException does not exist and may not be created; does not fit
     * @throws org.vellum.api.RegionBusyException another process, or this one, holds it; names the holder
     * @throws org.vellum.api.DamagedImageException beyond what recovery may repair
     * @throws org.vellum.api.RegionException the file system refused
     */
    StoreImage open(Request request, PhaseObserver observer);

    /**
     * Whether {@link #open} would find an image. Nothing is created, changed, recovered or locked: whoever opens a region
     * asks every store first, so that none is created that exists in another.
     *
     * @throws org.vellum.api.RegionException this cannot be found out now; nothing is created then
     */
    default Presence presence(Request request) {
        return Presence.UNKNOWN;
    }

    /**
     * Why no region at all can be kept in this store on this host, measured and not assumed; empty if one can.
     *
     * @return a sentence that says what is missing, and the way out
     */
    default Optional<String> obstacle() {
        return Optional.empty();
    }

    /**
     * Why this store is not to be taken for a region that did not ask for it, for instance because the medium in that
     * folder is an emulated one. Asked of a store only whose {@link #DURABLE_PROPERTY} is {@code true}.
     *
     * @return a sentence; empty if it may be taken
     */
    default Optional<String> obstacleToAuto(Request request) {
        return Optional.empty();
    }

    /** Where {@link #open} looks for what is requested; empty: this store does not say, and receives no images. */
    default Optional<Place> place(Request request) {
        return Optional.empty();
    }

    /**
     * Begins to take over an image from another place: allocates all it needs. What is left there of a move in the other
     * direction, or of one that did not come to its end, is replaced when the image is complete.
     *
     * @param request where to; its size is the image's
     * @param origin what is taken over
     * @throws org.vellum.api.InvalidRegionException there is another image of that name; it does not fit
     * @throws org.vellum.api.RegionException the file system refused
     */
    default IncomingImage receive(Request request, Origin origin) {
        throw new UnsupportedOperationException("store '" + name() + "' receives no images");
    }

    /**
     * An image that moves.
     *
     * @param identity {@link StoreImage#identity}
     * @param address {@link StoreImage#address}
     * @param place where it is
     */
    record Origin(long identity, long address, Place place) {}

    /**
     * @param region the region's name, already checked
     * @param directory the folder of its files, or null for the store's default
     * @param size bytes to create with, a multiple of the page size; 0: only open what exists
     * @param logSize bytes of log for a new image; 0: the store's default
     */
    record Request(String region, @Nullable Path directory, long size, long logSize) {}
}
