// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import java.lang.System.Logger.Level;
import java.util.Optional;
import java.util.function.Supplier;
import org.vellum.api.RegionException;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeRegion;
import org.vellum.runtime.commit.Gauges;
import org.vellum.runtime.commit.RegionImage;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.services.RegionContext;
import org.vellum.runtime.state.RegionLocks;
import org.vellum.runtime.state.RegionState;

/**
 * The steps of which swaps and moves consist. {@link Composition} decides on them; each one is made here with the region's control
 * lock held, between two commits. A region whose image is lost on the way has only loads from then on.
 */
final class SwapSteps implements Move.Region {
    private static final System.Logger LOGGER = System.getLogger(SwapSteps.class.getName());

    private final RegionContext region;
    private final RegionLocks locks;
    private final RegionState state;
    private final RegionImage image;
    private final Gauges gauges;
    private final TupleInForce inForce;
    private final Runnable moved;
    private final TrackingSwap tracking;
    private final StoreSwap stores;
    /** Of the image, to another store; null: none. Changed under the control lock. */
    private volatile Move move;

    /** @param moved called when the image is in another store, without locks, by a thread of its own */
    SwapSteps(
            RegionContext region,
            RegionLocks locks,
            RegionState state,
            RegionImage image,
            Gauges gauges,
            TupleInForce inForce,
            Runnable moved) {
        this.region = region;
        this.locks = locks;
        this.state = state;
        this.image = image;
        this.gauges = gauges;
        this.inForce = inForce;
        this.moved = moved;
        tracking = new TrackingSwap(region, image);
        stores = new StoreSwap(region, image, tracking);
    }

    private <T> T inControl(String operation, Supplier<T> step) {
        locks.requireOutsideCommit(operation, "do it afterwards");
        return locks.inControl(operation, () -> {
            try {
                return step.get();
            } catch (RegionImage.LostException e) {
                state.fail(e.getMessage());
                throw e;
            }
        });
    }

    private void requireCommittable(String operation) {
        state.requireCommittable(operation);
        image.requireStore(operation);
    }

    // Providers that track stores

    /**
     * Puts other tracking providers in force.
     *
     * @throws RegionException refused; those before stay
     */
    RegionStatus.Swap swapTo(Tuple next, String reason) {
        return inControl("a swap", () -> {
            state.requireOpen();
            Tuple here = next.withStore(inForce.tuple().store()); // it may have moved since that was selected
            boolean moving = move != null || image.missing().isPresent();
            NativeRegion.Swap cost = tracking.swap(here, moving);
            if (cost.refusal() != null) {
                throw new RegionException(region.subject() + " stays on " + inForce.names()
                        + ", for it cannot be swapped to " + here.names() + ": " + cost.refusal());
            }
            return inForce.swapped(here, cost.gateNanoseconds(), reason);
        });
    }

    /** Takes the tracking providers away; the region goes on without. */
    RegionStatus.Swap degrade(String reason) {
        return inControl("a swap", () -> {
            state.requireOpen();
            NativeRegion.Swap cost = tracking.degrade();
            if (cost.refusal() != null) {
                throw new RegionException(region.subject() + " cannot go on without a strategy: " + cost.refusal());
            }
            return inForce.degraded(cost.gateNanoseconds(), reason);
        });
    }

    // The store's absence, another store

    /**
     * Goes on without the store. When this returns or throws, the store's image is closed, or is so when the region is.
     *
     * @throws RegionException it cannot go on; it is to be closed
     */
    void loseStore(String reason) {
        inControl("losing its store", () -> {
            requireCommittable("losing its store");
            stores.detach(inForce.tuple());
            return inForce.lostStore(reason);
        });
    }

    /**
     * Goes on with the store that is back.
     *
     * @throws RegionException it does not open the image, or not the same one; the region stays without
     */
    void regainStore(Store store, Store.Request request) {
        inControl("regaining its store", () -> {
            if (!state.isWritable() || image.missing().isEmpty()) {
                return null;
            }
            stores.regain(store, request);
            return changedStore(store, "its store is back");
        });
    }

    /**
     * Goes on with another store that opens the very files of the image: closed by one and opened by the other between two
     * commits.
     *
     * @throws RegionException the other does not open it, or not the same one; the region goes on with the store it had
     */
    RegionStatus.Swap exchangeStore(Store next, Store.Request request, String reason) {
        return inControl("a swap", () -> {
            requireCommittable("a swap of its store");
            try {
                stores.exchange(inForce.tuple(), next, request);
            } catch (RegionImage.LostException e) {
                throw e;
            } catch (RegionException e) {
                tracking.toInPlaceIfPossible(inForce.tuple());
                throw new RegionException(
                        region.subject() + " stays on " + inForce.names() + ", for its image cannot go to store '"
                                + next.name() + "': " + e.getMessage(),
                        e);
            }
            return changedStore(next, reason);
        });
    }

    private RegionStatus.Swap changedStore(Store next, String reason) {
        RegionStatus.Swap swap = inForce.swappedStore(next, reason);
        // Behind it: where that fails, the image is in this store all the same.
        tracking.toInPlaceIfPossible(inForce.tuple());
        return swap;
    }

    // Another place

    /** The move of its image, while there is one. */
    Optional<Move> move() {
        return Optional.ofNullable(move);
    }

    /**
     * Begins to copy the image to another place; {@link #finishMove} is the end of it.
     *
     * @param request to the other store
     * @throws RegionException the region cannot be moved now
     */
    Move startMove(Store next, Store.Request request, Place from, Place to, String reason) {
        return inControl("a swap", () -> {
            requireCommittable("a move of its image");
            tracking.toRedo(inForce.tuple());
            StoreImage source = image.image();
            Store.Origin origin = new Store.Origin(source.identity(), source.address(), from);
            LOGGER.log(Level.INFO, "{0} goes from {1} to {2}: {3}", region.subject(), from, to, reason);
            Move begun = new Move(
                    region.name(),
                    this,
                    source::requireIntact,
                    next,
                    () -> next.receive(request, origin),
                    to,
                    source.committedView(),
                    region.size(),
                    reason);
            try {
                begun.start(); // its thread needs the lock that is held here before it looks for it
            } catch (OutOfMemoryError e) { // no thread can be had
                tracking.toInPlaceIfPossible(inForce.tuple());
                throw new RegionException(region.subject() + " cannot be moved: " + e.getMessage(), e);
            }
            changeMove(begun);
            return begun;
        });
    }

    /** With it commits tell the move which pages they change. */
    private void changeMove(Move next) {
        move = next;
        image.changeCopier(next == null ? null : next::changed);
    }

    @Override
    public void finishMove(Move finished) {
        inControl("a move", () -> {
            requireCommittable("a move of its image");
            stores.moveTo(finished.copyRest());
            RegionStatus.Swap swap = changedStore(finished.store(), finished.reason());
            gauges.refresh();
            changeMove(null); // last: who finds none finds the region in the other store
            return swap;
        });
    }

    @Override
    public void moved() {
        moved.run();
    }

    @Override
    public void moveFailed(String sentence) {
        locks.inControl("the end of a move", () -> {
            changeMove(null);
            if (state.isWritable()) {
                inForce.refuse(sentence);
                if (image.missing().isEmpty()) {
                    try {
                        tracking.toInPlaceIfPossible(inForce.tuple());
                    } catch (RegionImage.LostException e) {
                        state.fail(e.getMessage());
                    }
                }
            }
            return null;
        });
    }
}
