// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionInterruptedException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.runtime.commit.Gauges;
import org.vellum.runtime.commit.RegionImage;
import org.vellum.runtime.commit.StoreAway;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.providers.Offers;
import org.vellum.runtime.providers.Providers;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.services.RegionContext;
import org.vellum.runtime.state.OwnedLock;
import org.vellum.runtime.state.RegionLocks;
import org.vellum.runtime.state.RegionState;

/**
 * Keeps one open region on the best providers that its selectors allow, whatever comes and goes.
 *
 * <p>One swap at a time: the others wait for their turn, in order, and each decides by what is there when it has it. So
 * whoever takes a provider out of the tables first and then calls {@link #providerLeft} knows afterwards that nobody is in
 * that provider on behalf of this region, nor will be.
 *
 * <p>The image stays where it is while the selectors allow it: a store that ranks better changes nothing. One that is asked
 * for opens the very files, if they are its own too; otherwise the image moves, in a thread of its own ({@link Move}), and
 * other swaps go on meanwhile. A move is begun and given up under the lock, and ends without it.
 */
public final class Composition {
    private static final Duration REFUSAL_SHOWN = Duration.ofMinutes(10);

    private final RegionContext region;
    private final RegionLocks locks;
    private final RegionState state;
    private final RegionImage image;
    private final TupleInForce inForce;
    private final SwapSteps steps;
    private final Supplier<Providers> providers;
    /** Taken before the region's locks. */
    private final OwnedLock swapping = new OwnedLock();
    /** Guarded by {@link #swapping}. */
    private RegionOptions options;
    /** The store's selector when the latest move began. Guarded by {@link #swapping}. */
    private String storeBeforeMove;

    /** Guarded by {@link #swapping}. */
    private final ImagePlaces places;

    /**
     * @param tuple what the region was opened with
     * @param options by which it was opened
     * @param home the folder of the image, as {@link ImagePlaces#of} said before it was opened
     * @param providers gives those there are now, as a snapshot
     * @param moved called when the image has moved to another store, without locks, by a thread of its own
     */
    public Composition(
            RegionContext region,
            RegionLocks locks,
            RegionState state,
            RegionImage image,
            Gauges gauges,
            Tuple tuple,
            RegionOptions options,
            Optional<Path> home,
            Supplier<Providers> providers,
            Runnable moved) {
        this.region = region;
        this.locks = locks;
        this.state = state;
        this.image = image;
        this.options = options;
        this.providers = providers;
        inForce = new TupleInForce(region, tuple);
        steps = new SwapSteps(region, locks, state, image, gauges, inForce, moved);
        places = new ImagePlaces(region.name());
        places.remember(tuple.store(), home);
    }

    /** What is in force, for the region's status. */
    public TupleInForce inForce() {
        return inForce;
    }

    /** What the region is composed of now. */
    public Tuple tuple() {
        return inForce.tuple();
    }

    /** The move of its image, while there is one. */
    public Optional<Move> move() {
        return steps.move();
    }

    /** control: the region is closed. When this returns, the committed view is not read by a move any more. */
    public void cancelMove() {
        steps.move()
                .ifPresent(move -> move.cancel(
                        region.subject() + " is closed", locks.waits().patient("close()")));
    }

    /** A provider came, or says something else of itself: it may be better than the one in force, or be the missing one. */
    public void providerCame() {
        swapping.acquire(locks.waits().patient("a provider that came"), "a provider that came");
        try {
            if (!state.isClosed()) {
                regainStore();
                follow("a provider came");
                followStore("a provider came");
            }
        } finally {
            swapping.release();
        }
    }

    /**
     * A provider is not in the tables any more. When this returns the region does not use it.
     *
     * @throws RegionException the region cannot go on without it, and is to be closed
     */
    public void providerLeft(Object provider, String reason) {
        swapping.acquire(locks.waits().patient("a provider that goes"), "a provider that goes");
        try {
            if (state.isClosed()) {
                locks.awaitClosed(); // it says so before it has left its providers
                return;
            }
            Optional<Move> move = steps.move();
            if (move.isPresent()
                    && (move.get().store() == provider || inForce.tuple().store() == provider)) {
                giveUp(move.get(), reason);
            }
            if (!inForce.tuple().uses(provider)) {
                return;
            }
            if (inForce.tuple().store() == provider) {
                steps.loseStore(reason);
            } else {
                replaceTracking(reason);
            }
        } finally {
            swapping.release();
        }
    }

    private void replaceTracking(String reason) {
        Tuple next;
        try {
            next = select(options);
        } catch (ProviderMissingException e) {
            steps.degrade(reason + ", and " + e.getMessage());
            return;
        }
        try {
            steps.swapTo(next, reason);
        } catch (RegionException e) {
            inForce.refuse(e.getMessage());
            steps.degrade(reason + ", and what is there refused: " + e.getMessage());
        }
    }

    private void giveUp(Move move, String reason) {
        move.cancel(reason, locks.waits().patient("a swap"));
        move.awaitEnd(locks.waits().patient("a swap"));
    }

    /** As {@link org.vellum.api.Region#swap}. */
    public RegionStatus.Swap swap(Map<String, String> selectors) {
        Begun begun;
        swapping.acquire(locks.waits().endless("swap()"), "swap()");
        try {
            begun = begin(selectors);
            if (begun.move() == null) {
                inForce.forgetRefusal();
            }
        } catch (RegionException e) {
            inForce.refuseForNow(e.getMessage(), REFUSAL_SHOWN);
            throw e;
        } finally {
            swapping.release();
        }
        return begun.move() == null ? begun.swap() : await(begun);
    }

    /**
     * A swap that is done, but for a move of the image.
     *
     * @param move null: there is none
     * @param asked the selector that asked for it
     */
    private record Begun(RegionStatus.Swap swap, Move move, String asked) {}

    private Begun begin(Map<String, String> selectors) {
        RegionOptions wanted = options;
        Set<Axis> asked = EnumSet.noneOf(Axis.class);
        for (Map.Entry<String, String> selector : selectors.entrySet()) {
            Axis axis = Axis.of(selector.getKey());
            asked.add(axis);
            wanted = axis.select(wanted, selector.getValue());
        }
        String reason = "asked for: " + text(selectors);
        Optional<Store> store = asked.contains(Axis.STORE)
                ? otherStore(providers.get().store(region.subject(), wanted.store()))
                : Optional.empty();
        NearestTuple nearest = NearestTuple.to(wanted, asked, this::select);
        RegionStatus.Swap swap = put(nearest.tuple(), reason);
        String storeBefore = options.store();
        options = nearest.options();
        if (store.isEmpty()) {
            return new Begun(swap, null, null);
        }
        try {
            return go(store.get(), reason, storeBefore);
        } catch (RegionException e) {
            options = options.withStore(storeBefore);
            throw e;
        }
    }

    /** The store that is wanted, if the region has to go there; giving up a move that goes elsewhere. */
    private Optional<Store> otherStore(Store wanted) {
        if (wanted == inForce.tuple().store()) {
            steps.move().ifPresent(move -> giveUp(move, "it is to stay in store '" + wanted.name() + "'"));
        }
        if (wanted == inForce.tuple().store()) { // still so: the move may have been at its end
            return Optional.empty();
        }
        Optional<Move> moving = steps.move();
        if (moving.isPresent() && moving.get().store() != wanted) {
            throw new RegionException(region.subject() + ": its image is on its way to store '"
                    + moving.get().store().name()
                    + "', " + moving.get().progress().percent() + " % are there; wait for it, or ask for store='"
                    + inForce.tuple().store().name() + "' to give that up");
        }
        if (image.missing().isPresent()) {
            throw new RegionException(
                    region.subject() + ": its store cannot be swapped now: its image is in a store that is away");
        }
        return Optional.of(wanted);
    }

    /**
     * To the same files at once, to others by a move, which may have begun before, or have ended meanwhile.
     *
     * @param before the selector to go back to if a move that begins here fails
     */
    private Begun go(Store store, String reason, String before) {
        Optional<Move> moving = steps.move();
        if (moving.isPresent()) {
            return new Begun(null, moving.get(), options.store());
        }
        if (store == inForce.tuple().store()) {
            return new Begun(inForceAlready(), null, null);
        }
        Store.Request here = places.existing(inForce.tuple().store().name(), options);
        Optional<Place> from = inForce.tuple().store().place(here);
        Optional<Place> to = store.place(places.wanted(0, options));
        if (from.isEmpty() || to.isEmpty() || from.get().hasFilesOf(to.get())) {
            RegionStatus.Swap swap =
                    steps.exchangeStore(store, from.isEmpty() ? places.wanted(0, options) : here, reason);
            places.remember(store, from.flatMap(Place::folder));
            return new Begun(swap, null, null);
        }
        Move move = steps.startMove(store, places.wanted(region.size(), options), from.get(), to.get(), reason);
        places.remember(store, to.get().folder());
        storeBeforeMove = before;
        return new Begun(null, move, options.store());
    }

    /** The selector that asked for what failed is taken back, unless somebody has asked for something else since. */
    private RegionStatus.Swap await(Begun begun) {
        try {
            begun.move().awaitSuccess(locks.waits().endless("swap()"));
        } catch (RegionInterruptedException e) {
            throw new RegionInterruptedException(region.subject()
                    + ": swap() was interrupted while its image moves; the move goes on, and status() tells how far"
                    + " it is");
        } catch (RegionException e) {
            swapping.acquire(locks.waits().patient("swap()"), "swap()");
            try {
                if (steps.move().isEmpty() && options.store().equals(begun.asked())) {
                    options = options.withStore(storeBeforeMove);
                }
            } finally {
                swapping.release();
            }
            throw e;
        }
        return inForce.last().orElseThrow();
    }

    /**
     * The selectors were changed for good: what they say is followed now, where that is possible, and as providers come.
     */
    public void configure(RegionOptions changed) {
        swapping.acquire(locks.waits().patient("a changed configuration"), "a changed configuration");
        try {
            options = changed;
            inForce.forgetRefusal(); // or it is refused anew
            follow("the configuration was changed");
            followStore("the configuration was changed");
        } finally {
            swapping.release();
        }
    }

    /** Puts the best in force that the options allow; where there is none, or it refuses, what is in force stays. */
    private void follow(String reason) {
        try {
            put(select(options), reason);
        } catch (RegionException e) {
            if (inForce.tuple().isTracked()) {
                inForce.refuse(region.subject() + " stays on " + inForce.tuple().names() + ": " + e.getMessage());
            }
        }
    }

    private RegionStatus.Swap put(Tuple next, String reason) {
        return next.tracksLike(inForce.tuple()) ? inForceAlready() : steps.swapTo(next, reason);
    }

    private RegionStatus.Swap inForceAlready() {
        RegionStatus.Providers now = inForce.tuple().names();
        return new RegionStatus.Swap(Instant.now(), now, now, 0, "in force already");
    }

    private Tuple select(RegionOptions by) {
        return providers
                .get()
                .selectTracking(region.subject(), by, inForce.tuple().store());
    }

    /**
     * Where the selector does not allow the store in force, the region goes to one that it allows, and nobody waits for it;
     * a move to one that it does not allow is given up.
     */
    private void followStore(String reason) {
        List<Store> allowed = providers.get().stores().matching(options.store()).stream()
                .map(Offers.Offer::service)
                .toList();
        steps.move()
                .filter(move -> !allowed.contains(move.store()))
                .ifPresent(move -> giveUp(
                        move,
                        reason + ", and it is not to go to store '"
                                + move.store().name() + "'"));
        Store now = inForce.tuple().store();
        if (now == null
                || allowed.isEmpty()
                || allowed.contains(now)
                || steps.move().isPresent()) {
            return;
        }
        try {
            otherStore(allowed.get(0)).ifPresent(store -> go(store, reason, options.store()));
        } catch (RegionException e) {
            inForce.refuse(e.getMessage());
        }
    }

    private static String text(Map<String, String> selectors) {
        return String.join(
                " ",
                selectors.entrySet().stream()
                        .map(entry -> entry.getKey() + "=" + entry.getValue())
                        .toList());
    }

    private void regainStore() {
        String missing = image.missing().map(StoreAway::store).orElse(null);
        if (missing == null) {
            return;
        }
        for (Offers.Offer<Store> offer : providers.get().stores().all()) {
            if (offer.name().equals(missing)) {
                try {
                    steps.regainStore(offer.service(), places.existing(missing, options));
                } catch (RegionException e) {
                    inForce.refuse(region.subject() + " is still without its store: " + e.getMessage());
                }
                return;
            }
        }
    }
}
