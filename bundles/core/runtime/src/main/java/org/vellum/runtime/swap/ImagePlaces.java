// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;

/**
 * The folders that the image of one region has in stores. So a store whose configuration is changed, or that comes back with
 * another one, finds what is open where it is. Guarded by the swapping lock of the region's composition.
 */
public final class ImagePlaces {
    private final String region;
    /** By the store's name. */
    private final Map<String, Path> folders = new HashMap<>();

    ImagePlaces(String region) {
        this.region = region;
    }

    /** The folder in which a store keeps the image of a region with these options; empty: in none that it tells. */
    public static Optional<Path> of(String region, RegionOptions options, Store store) {
        return store.place(new Store.Request(region, options.directory().orElse(null), 0, options.logSize()))
                .flatMap(Place::folder);
    }

    /** The image is in this folder while it is in this store. */
    void remember(Store store, Optional<Path> folder) {
        folder.ifPresent(path -> folders.put(store.name(), path));
    }

    /** Asks the store of this name for the image as it is there. */
    Store.Request existing(String store, RegionOptions options) {
        Path folder = folders.getOrDefault(store, options.directory().orElse(null));
        return new Store.Request(region, folder, 0, options.logSize());
    }

    /** Asks a store for an image of this size that goes where the options say; 0: one that is there. */
    Store.Request wanted(long size, RegionOptions options) {
        return new Store.Request(region, options.directory().orElse(null), size, options.logSize());
    }
}
