// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.vellum.api.RegionException;
import org.vellum.api.provider.InPlace;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.api.provider.Tracking;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Relocation;
import org.vellum.runtime.providers.Tuple;

/**
 * The image of an open region, through all that becomes of it: in its store, kept without one while that is away, opened by
 * another store, moved to another place; and the path that its commits take, which is in place where the strategy and the
 * store can have that.
 *
 * <p>All but the getters is called with the region's control lock held.
 */
public final class RegionImage {
    /** The region has no image any more that a commit could go to. */
    public static final class LostException extends RegionException {
        private static final long serialVersionUID = 1;

        LostException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private final String region;
    private final NativeCore core;
    private final long handle;
    private final PhaseObserver observers;

    private volatile CommitPath path;
    /** Bytes logged before {@link #path} and {@link #image} were what they are, and what they said when they came. */
    private long loggedBefore;

    private long loggedAtFirst;
    /** Why it is not written in place although it could be; else null. */
    private volatile String notInPlace;

    private volatile StoreImage image;
    /**
     * The image while its store is away, else null. Not so for the moment in which one store takes the place of another,
     * which a commit waits for.
     */
    private volatile StoreAway missing;

    /**
     * @param handle the core's, of the region
     * @param observers handed to stores, and told which phases the region passes through
     */
    public RegionImage(String region, NativeCore core, long handle, PhaseObserver observers, CommitPath path) {
        this.region = region;
        this.core = core;
        this.handle = handle;
        this.observers = observers;
        this.path = path;
        image = path.image();
        observers.passesThrough(region, path.phases());
    }

    /** How commits go now. */
    public CommitPath path() {
        return path;
    }

    /** As {@link CommitPath#loggedBytes}, of all paths and images there were. */
    public long loggedBytes() {
        return loggedBefore + path.loggedBytes() - loggedAtFirst;
    }

    /** For the region's status. */
    public List<String> remarks() {
        List<String> sentences = new ArrayList<>(path.remarks());
        String refusal = notInPlace;
        if (refusal != null) {
            sentences.add("not written in place, but by redo: " + refusal);
        }
        return sentences;
    }

    public StoreImage image() {
        return image;
    }

    /** What to say of a commit now; empty: its store is there. */
    public Optional<StoreAway> missing() {
        return Optional.ofNullable(missing);
    }

    private String subject() {
        return "region '" + region + "'";
    }

    // In place, and by redo

    /**
     * Puts another tuple in force, and has the region written in place or not, as that tuple can have it.
     *
     * @param stays not to be written in place whatever the tuple can have
     * @return with a refusal: the tuple before is in force, and the region is written as before
     */
    public NativeCore.Swap swap(Tuple next, boolean stays) {
        boolean wantsInPlace = !stays && next.strategy().tracking() == Tracking.WRITE_PROTECT;
        if (path.isInPlace()) {
            return wantsInPlace
                    ? swapNatively(next, Relocation.NONE)
                    : toWorkingImage(relocation -> swapNatively(next, relocation));
        }
        Optional<InPlace> place = wantsInPlace ? beginInPlace() : Optional.empty();
        if (place.isPresent()) {
            NativeCore.Swap swap = intoPlace(next, place.get());
            if (swap.refusal() == null) {
                return swap;
            }
        }
        return swapNatively(next, Relocation.NONE);
    }

    /** Takes all providers that track away; the region is written by redo then. */
    public NativeCore.Swap degrade() {
        return path.isInPlace()
                ? toWorkingImage(relocation -> core.regionDegrade(handle, relocation))
                : core.regionDegrade(handle, Relocation.NONE);
    }

    /** The image or its store is another one: written in place from now on, if the tuple in force can have that. */
    public void settle(Tuple now) {
        if (now.isTracked() && !path.isInPlace() && now.strategy().tracking() == Tracking.WRITE_PROTECT) {
            beginInPlace().ifPresent(place -> intoPlace(now, place));
        }
    }

    /**
     * Written by redo from now on, whatever the tuple could have: then the committed view has what is committed, and the
     * image can be another one.
     *
     * @throws RegionException it cannot
     */
    public void unsettle(Tuple now) {
        if (path.isInPlace()) {
            NativeCore.Swap swap = toWorkingImage(relocation -> swapNatively(now, relocation));
            if (swap.refusal() != null) {
                throw new RegionException(
                        subject() + " is written in place, and cannot be otherwise: " + swap.refusal());
            }
        }
    }

    private Optional<InPlace> beginInPlace() {
        notInPlace = null;
        try {
            return image.beginInPlace();
        } catch (RegionException e) {
            notInPlace = e.getMessage();
            return Optional.empty();
        }
    }

    /** @return with a refusal: the image is logged again, and the tuple before in force */
    private NativeCore.Swap intoPlace(Tuple next, InPlace place) {
        NativeCore.Swap swap = swapNatively(next, new Relocation.ToHomeImage(place));
        if (swap.refusal() != null) {
            notInPlace = swap.refusal();
            try {
                image.endInPlace(image.epoch());
            } catch (RegionException e) {
                throw new LostException(e.getMessage(), e);
            }
            return swap;
        }
        path.leave();
        follow(new InPlacePath(core, image, place, handle));
        return swap;
    }

    /** @param move the native call: a swap, or degradation */
    private NativeCore.Swap toWorkingImage(Function<Relocation, NativeCore.Swap> move) {
        CommitPath next = RedoPath.create(region, core, image, handle);
        NativeCore.Swap swap = move.apply(new Relocation.ToWorkingImage(image.committedView()));
        if (swap.refusal() != null) {
            next.leave();
            return swap;
        }
        CommitPath before = path;
        follow(next);
        try {
            before.leave();
        } catch (RegionException e) {
            throw new LostException(e.getMessage(), e);
        }
        return swap;
    }

    private NativeCore.Swap swapNatively(Tuple next, Relocation relocation) {
        long vmm;
        long pageTable;
        long strategy;
        try {
            vmm = next.vmm().operations();
            pageTable = next.pageTable().operations();
            strategy = next.strategy().operations();
        } catch (RuntimeException | LinkageError e) {
            return new NativeCore.Swap(0, 0, e.toString());
        }
        return core.regionSwap(handle, vmm, pageTable, strategy, relocation);
    }

    private void follow(CommitPath next) {
        loggedBefore = loggedBytes();
        path = next;
        loggedAtFirst = path.loggedBytes();
        observers.passesThrough(region, path.phases());
    }

    private void followImage(StoreImage next) {
        loggedBefore = loggedBytes();
        path.changeImage(next);
        image = next;
        loggedAtFirst = path.loggedBytes();
    }

    // Without a store

    /** Goes on without the store. When this returns or throws, the store's image is closed, or is so when the region is. */
    public void leave(Tuple now) {
        unsettle(now);
        missing = keep(now.store());
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
        followImage(away);
        try {
            closeAndMap(leaving, away);
        } catch (RuntimeException e) {
            throw new LostException("its store went away: " + e.getMessage(), e);
        }
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
    public void regain(Store store, Store.Request request) {
        reopen(store, request, missing);
        missing = null;
    }

    // In another store, the files being the same

    /**
     * @throws RegionException the other does not open the image, or not the same one; the region goes on with the store it
     *     had
     */
    public void exchange(Tuple now, Store next, Store.Request request) {
        unsettle(now);
        StoreAway away = keep(now.store());
        try {
            reopen(next, request, away);
        } catch (LostException e) {
            throw e;
        } catch (RegionException e) {
            missing = away;
            reopen(now.store(), request, away);
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
        followImage(next);
        away.close();
    }

    private StoreImage openAgain(Store store, Store.Request request, StoreAway away) {
        away.unlock();
        StoreImage next;
        try {
            next = store.open(request, observers);
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
    public void moveTo(IncomingImage incoming) {
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
        } catch (RuntimeException | Error e) {
            stay(leaving, incoming, e);
            throw e;
        }
        StoreImage next;
        try {
            next = incoming.open(observers);
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
            throw new LostException(
                    e.getMessage() + "; it went to " + incoming.place() + "; close the region and open it there", e);
        }
        followImage(next);
        leaving.close();
    }

    /** The device must not say that the image has departed when what arrived is removed. */
    private static void stay(StoreImage staying, IncomingImage incoming, Throwable cause) {
        try {
            staying.forgetFailedBatch();
        } catch (RuntimeException e) {
            incoming.leave();
            throw new LostException(
                    "whether it went to " + incoming.place() + " is not known: " + cause.getMessage() + ", and "
                            + e.getMessage()
                            + "; close the region and open it here or there, whichever does not refuse",
                    e);
        }
    }

    /** Ends the region, and closes its image. */
    public void close() {
        try {
            path.close();
        } finally {
            image.close();
        }
    }
}
