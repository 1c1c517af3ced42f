package org.vellum.api.provider;

import java.nio.file.Path;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/** A store: where images and logs live. A service registered with {@link #PROPERTY}. */
@ProviderType
public interface Store {
    /** Service property: the store's name. */
    String PROPERTY = "vellum.store";

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
    record Request(String region, Path directory, long size, long logSize) {}
}
