// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.home.Header;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;
import org.vellum.store.image.move.Residence;

/**
 * What a store does with the images of its regions: the functions of {@link Store}, over the files that the store
 * names.
 */
public final class Images {
    private Images() {}

    /**
     * As {@link Store#open}; {@code names} and not the request say where the files are.
     *
     * @param files used as long as the image is open
     */
    public static StoreImage open(
            NativeCore core, StoreFiles files, ImageFiles names, Store.Request request, PhaseObserver observer) {
        // Whatever medium the origin of a move is on: its files can be read.
        return open(core, files, NativeStoreFiles.readOnly(core), names, request, observer);
    }

    /**
     * As the other one, where the other image of a move is not in a file system.
     *
     * @param others by which images of other stores can be read
     */
    public static StoreImage open(
            NativeCore core,
            StoreFiles files,
            StoreFiles others,
            ImageFiles names,
            Store.Request request,
            PhaseObserver observer) {
        return Opening.open(core, files, others, names, request, observer);
    }

    /** As {@link Store#receive}; {@code names} and not the request say where the files are. */
    public static IncomingImage receive(
            NativeCore core,
            StoreFiles files,
            ImageFiles names,
            Store.Request request,
            Store.Origin origin,
            Place place) {
        return new ImageArrival(core, files, names, request, origin, place);
    }

    /**
     * As {@link Store#presence}, by reading: an image that another process has open may be caught in the middle of a
     * write; then, and when it is damaged or cannot be read, only opening it can judge.
     */
    public static Store.Presence presence(NativeCore core, ImageFiles names) {
        return presence(core, NativeStoreFiles.readOnly(core), names);
    }

    /** As {@link #presence(NativeCore, ImageFiles)}, of files that are not in a file system. */
    public static Store.Presence presence(NativeCore core, StoreFiles files, ImageFiles names) {
        if (!files.exists(names.home())) {
            // one whose name another image is taking is here, and is refused when it is opened
            return files.exists(names.replacement()) ? Store.Presence.HERE : Store.Presence.ABSENT;
        }
        try (StoreFile file = files.open(names.home(), false)) {
            Header header = Header.read(core, file, names.region());
            new Residence(core, NativeStoreFiles.readOnly(core), names).require(file, header);
            return Store.Presence.HERE;
        } catch (InvalidRegionException e) {
            return Store.Presence.ELSEWHERE;
        } catch (DamagedImageException | FileFailure e) {
            return Store.Presence.HERE;
        }
    }
}
