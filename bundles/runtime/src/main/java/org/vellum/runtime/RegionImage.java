package org.vellum.runtime;

import java.util.Optional;
import org.vellum.api.RegionException;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;

/**
 * The image of an open region, through all that becomes of it: in its store, kept without one while that is away, opened by
 * another store, moved to another place.
 *
 * <p>All but the getters is called with the region's control lock held.
 */
final class RegionImage {
    /** The region has no image any more that a commit could go to. */
    static final class LostException extends RegionException {
        private static final long serialVersionUID = 1;

        LostException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private final String region;
    private final NativeCore core;
    private final long handle;
    private final PhaseObserver observer;
    private final CommitPath path;

    private volatile StoreImage image;
    /**
     * The image while its store is away, else null. Not so for the moment in which one store takes the place of another,
     * which a commit waits for.
     */
    private volatile StoreAway missing;

    /**
     * @param handle the core's, of the region
     * @param observer handed to stores
     */
    RegionImage(String region, NativeCore core, long handle, PhaseObserver observer, CommitPath path) {
        this.region = region;
        this.core = core;
        this.handle = handle;
        this.observer = observer;
        this.path = path;
        image = path.image();
    }

    StoreImage image() {
        return image;
    }

    /** What to say of a commit now; empty: its store is there. */
    Optional<StoreAway> missing() {
        return Optional.ofNullable(missing);
    }

    private String subject() {
        return "region '" + region + "'";
    }

    // Without a store

    /** Goes on without the store. When this returns or throws, the store's image is closed, or is so when the region is. */
    void leave(Store store) {
        missing = keep(store);
    }

    private StoreAway keep(Store store) {
        StoreImage leaving = image;
        StoreAway away = new StoreAway(core, region, store.name(), leaving);
        try {
            changeHome(away, leaving.committedView()); // nothing reads through the store's descriptor any more
        } catch (RuntimeException e) {
            away.close();
            throw e;
        }
        image = away;
        try {
            closeAndMap(leaving, away);
        } catch (RuntimeException e) {
            throw new LostException("its store went away: " + e.getMessage(), e);
        }
        path.changeImage(away);
        return away;
    }

    /** Between the two there is no committed view; whoever holds the control lock is the only one who could miss it. */
    private void closeAndMap(StoreImage leaving, StoreAway away) {
        leaving.close();
        if (!leaving.isWrittenBack()) {
            throw new RegionException(subject() + ": the home image could not be written back");
        }
        if (!away.lock()) { // closing gave it up
            throw new RegionException(subject() + ": its image was opened by somebody else at once");
        }
        away.map();
        changeHome(away, away.committedView());
    }

    private void changeHome(StoreImage home, long committedView) {
        int result = core.regionChangeHome(handle, home.homeFile(), home.homeOffset(), committedView);
        if (result != 0) {
            throw new RegionException(subject() + " cannot change its home image: " + Errno.describe(result));
        }
    }

    /**
     * Goes on with the store that is back.
     *
     * @throws RegionException it does not open the image, or not the same one; the region stays without
     */
    void regain(Store store, Store.Request request) {
        reopen(store, request, missing);
        missing = null;
    }

    // In another store, the files being the same

    /**
     * @throws RegionException the other does not open the image, or not the same one; the region goes on with the store it
     *     had
     */
    void exchange(Store before, Store next, Store.Request request) {
        StoreAway away = keep(before);
        try {
            reopen(next, request, away);
        } catch (LostException e) {
            throw e;
        } catch (RegionException e) {
            missing = away;
            reopen(before, request, away);
            missing = null;
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
        path.changeImage(next);
        image = next;
        away.close();
    }

    private StoreImage openAgain(Store store, Store.Request request, StoreAway away) {
        away.unlock();
        StoreImage next;
        try {
            next = store.open(request, observer);
        } catch (RuntimeException e) {
            lockAgain(away, e);
            throw e;
        }
        if (!away.isContinuedBy(next)) {
            String sentence = "its store is back with epoch " + next.epoch() + " of image "
                    + Long.toHexString(next.identity()) + ", but the region went on from epoch " + away.epoch() + " of image "
                    + Long.toHexString(away.identity()) + "; close it and open it again";
            next.close();
            throw new LostException(sentence, null);
        }
        return next;
    }

    private static void lockAgain(StoreAway away, RuntimeException cause) {
        if (!away.lock()) {
            throw new LostException(
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
        StoreImage leaving = image;
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
        } catch (RuntimeException e) {
            stay(leaving, incoming, e);
            throw e;
        }
        StoreImage next;
        try {
            next = incoming.open(observer);
        } catch (RuntimeException e) {
            throw new LostException(
                    "it went to " + incoming.place() + ", where it cannot be opened: " + e.getMessage()
                            + "; close the region and open it there",
                    e);
        }
        try {
            changeHome(next, next.committedView());
        } catch (RuntimeException e) {
            next.close();
            throw new LostException(e.getMessage() + "; it went to " + incoming.place()
                    + "; close the region and open it there", e);
        }
        path.changeImage(next);
        image = next;
        leaving.close();
    }

    /** The device must not say that the image has departed when what arrived is removed. */
    private static void stay(StoreImage staying, IncomingImage incoming, RuntimeException cause) {
        try {
            staying.forgetFailedBatch();
        } catch (RuntimeException e) {
            incoming.leave();
            throw new LostException("whether it went to " + incoming.place() + " is not known: " + cause.getMessage()
                    + ", and " + e.getMessage() + "; close the region and open it here or there, whichever does not refuse",
                    e);
        }
    }

    void close() {
        image.close();
    }
}
