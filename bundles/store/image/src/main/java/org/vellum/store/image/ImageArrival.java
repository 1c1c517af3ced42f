// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.StoreFiles;
import org.vellum.store.image.move.Arrival;

/** An {@link Arrival} that ends in an open image. */
final class ImageArrival implements IncomingImage {
    private final NativeCore core;
    private final StoreFiles files;
    private final ImageFiles names;
    private final Store.Request request;
    private final Arrival arrival;

    ImageArrival(
            NativeCore core,
            StoreFiles files,
            ImageFiles names,
            Store.Request request,
            Store.Origin origin,
            Place place) {
        this.core = core;
        this.files = files;
        this.names = names;
        this.request = request;
        arrival = Arrival.begin(core, files, names, request, origin, place);
    }

    @Override
    public Place place() {
        return arrival.place();
    }

    @Override
    public void write(long firstPage, int pages, long address) {
        arrival.write(firstPage, pages, address);
    }

    @Override
    public void sync() {
        arrival.sync();
    }

    @Override
    public void complete(long epoch) {
        arrival.complete(epoch);
    }

    @Override
    public StoreImage open(PhaseObserver observer) {
        return Opening.openArrived(core, files, names, request, observer, arrival.handOver());
    }

    @Override
    public void leave() {
        arrival.leave();
    }

    @Override
    public void close() {
        arrival.close();
    }
}
