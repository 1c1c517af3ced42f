// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import org.vellum.api.RegionException;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCallException;
import org.vellum.runtime.commit.RegionImage;
import org.vellum.runtime.commit.StoreAway;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.services.RegionContext;

/**
 * The image of an open region, through all that becomes of its store: kept without one while that is away, opened by another
 * store, moved to another place.
 *
 * <p>All is called with the region's control lock held.
 */
final class StoreSwap {
    private final RegionContext region;
    private final RegionImage image;
    private final TrackingSwap tracking;

    StoreSwap(RegionContext region, RegionImage image, TrackingSwap tracking) {
        this.region = region;
        this.image = image;
        this.tracking = tracking;
    }

    // Without a store

    /** Goes on without the store. When this returns or throws, the store's image is closed, or is so when the region is. */
    void detach(Tuple now) {
        tracking.toRedo(now);
        image.changeMissing(keep(now.store()));
    }

    private StoreAway keep(Store store) {
        StoreImage leaving = image.image();
        StoreAway away = new StoreAway(region.core(), region.name(), store.name(), leaving);
        try {
            changeHome(away, leaving.committedView()); // nothing reads through the store's descriptor any more
        } catch (RuntimeException e) {
            away.close();
            throw e;
        }
        image.changeImage(away);
        try {
            closeAndMap(leaving, away);
        } catch (RuntimeException e) {
            throw new RegionImage.LostException("its store went away: " + e.getMessage(), e);
        }
        return away;
    }

    /** Between the two there is no committed view; whoever holds the control lock is the only one who could miss it. */
    private void closeAndMap(StoreImage leaving, StoreAway away) {
        leaving.close();
        if (!leaving.isWrittenBack()) {
            throw new RegionException(region.subject() + ": the home image could not be written back");
        }
        if (!away.lock()) { // closing gave it up
            throw new RegionException(region.subject() + ": its image was opened by somebody else at once");
        }
        away.map();
        changeHome(away, away.committedView());
    }

    private void changeHome(StoreImage home, long committedView) {
        try {
            region.nativeRegion().changeHome(home.homeFile(), home.homeOffset(), committedView);
        } catch (NativeCallException e) {
            throw new RegionException(region.subject() + " cannot change its home image: " + e.reason(), e);
        }
    }

    /**
     * Goes on with the store that is back.
     *
     * @throws RegionException it does not open the image, or not the same one; the region stays without
     */
    void regain(Store store, Store.Request request) {
        reopen(store, request, image.missing().orElseThrow());
        image.changeMissing(null);
    }

    // In another store, the files being the same

    /**
     * @throws RegionException the other does not open the image, or not the same one; the region goes on with the store it
     *     had
     */
    void exchange(Tuple now, Store next, Store.Request request) {
        tracking.toRedo(now);
        StoreAway away = keep(now.store());
        try {
            reopen(next, request, away);
        } catch (RegionImage.LostException e) {
            throw e;
        } catch (RegionException e) {
            image.changeMissing(away);
            reopen(now.store(), request, away);
            image.changeMissing(null);
            throw e;
        }
    }

    private void reopen(Store store, Store.Request request, StoreAway away) {
        StoreImage next = openAgain(store, request, away);
        try {
            changeHome(next, next.committedView());
        } catch (RuntimeException e) {
            next.close();
            lockAgain(away, e);
            throw e;
        }
        image.changeImage(next);
        away.close();
    }

    private StoreImage openAgain(Store store, Store.Request request, StoreAway away) {
        away.unlock();
        StoreImage next;
        try {
            next = store.open(request, region.observers());
        } catch (RuntimeException e) {
            lockAgain(away, e);
            throw e;
        }
        if (!away.isContinuedBy(next)) {
            String sentence = "its store is back with epoch " + next.epoch() + " of image "
                    + Long.toHexString(next.identity()) + ", but the region went on from epoch " + away.epoch()
                    + " of image "
                    + Long.toHexString(away.identity()) + "; close it and open it again";
            next.close();
            throw new RegionImage.LostException(sentence, null);
        }
        return next;
    }

    private static void lockAgain(StoreAway away, RuntimeException cause) {
        if (!away.lock()) {
            throw new RegionImage.LostException(
                    "its image was opened by somebody else while its store was away; close the region and open it again",
                    cause);
        }
    }

    // In another place

    /**
     * The last step of a move: what has arrived, all of it, becomes the region's image.
     *
     * @throws RegionException the image stays where it is; whatever arrived is gone
     */
    void moveTo(IncomingImage incoming) {
        StoreImage leaving = image.image();
        try {
            incoming.complete(leaving.epoch());
            depart(leaving, incoming);
        } finally {
            incoming.close(); // nothing happens to one that was opened, or left to whoever opens it next
        }
    }

    private void depart(StoreImage leaving, IncomingImage incoming) {
        try {
            leaving.depart(incoming.place());
        } catch (RuntimeException | Error e) {
            stay(leaving, incoming, e);
            throw e;
        }
        StoreImage next;
        try {
            next = incoming.open(region.observers());
        } catch (RuntimeException e) {
            throw new RegionImage.LostException(
                    "it went to " + incoming.place() + ", where it cannot be opened: " + e.getMessage()
                            + "; close the region and open it there",
                    e);
        }
        try {
            changeHome(next, next.committedView());
        } catch (RuntimeException e) {
            next.close();
            throw new RegionImage.LostException(
                    e.getMessage() + "; it went to " + incoming.place() + "; close the region and open it there", e);
        }
        image.changeImage(next);
        leaving.close();
    }

    /** The device must not say that the image has departed when what arrived is removed. */
    private static void stay(StoreImage staying, IncomingImage incoming, Throwable cause) {
        try {
            staying.forgetFailedBatch();
        } catch (RuntimeException e) {
            incoming.leave();
            throw new RegionImage.LostException(
                    "whether it went to " + incoming.place() + " is not known: " + cause.getMessage() + ", and "
                            + e.getMessage()
                            + "; close the region and open it here or there, whichever does not refuse",
                    e);
        }
    }
}
