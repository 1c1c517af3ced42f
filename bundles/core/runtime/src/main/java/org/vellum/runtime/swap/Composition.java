// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import java.nio.file.Path;
import java.time.Instant;
import java.util.EnumSet;
import java.util.HashMap;
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
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.providers.Offers;
import org.vellum.runtime.providers.Providers;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.state.OwnedLock;

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
    /** Axes that give way, one after the other and then together, when they were not asked for. */
    private static final List<List<Axis>> GIVING_WAY = List.of(
            List.of(Axis.PAGE_TABLE),
            List.of(Axis.VMM, Axis.PAGE_TABLE),
            List.of(Axis.STRATEGY),
            List.of(Axis.VMM, Axis.PAGE_TABLE, Axis.STRATEGY));

    private final OpenRegion region;
    private final Supplier<Providers> providers;
    /** Taken before the region's locks. */
    private final OwnedLock swapping = new OwnedLock();
    /** Guarded by {@link #swapping}. */
    private RegionOptions options;
    /** The store's selector when the latest move began. Guarded by {@link #swapping}. */
    private String storeBeforeMove;

    /**
     * The folder that the image has in a store, by the store's name: a store whose configuration is changed, or that comes back
     * with another one, finds what is open where it is. Guarded by {@link #swapping}.
     */
    private final Map<String, Path> homes = new HashMap<>();

    /**
     * @param home the folder of the image, as {@link #homeOf} said before it was opened
     * @param providers gives those there are now, as a snapshot
     */
    public Composition(OpenRegion region, RegionOptions options, Optional<Path> home, Supplier<Providers> providers) {
        this.region = region;
        this.options = options;
        this.providers = providers;
        home.ifPresent(folder -> homes.put(region.tuple().store().name(), folder));
    }

    /** The folder in which a store keeps the image of a region with these options; empty: in none that it tells. */
    public static Optional<Path> homeOf(String region, RegionOptions options, Store store) {
        return store.place(new Store.Request(region, options.directory().orElse(null), 0, options.logSize()))
                .flatMap(Place::folder);
    }

    private String subject() {
        return "region '" + region.name() + "'";
    }

    /** A provider came, or says something else of itself: it may be better than the one in force, or be the missing one. */
    public void providerCame() {
        swapping.acquire(region.waits().patient("a provider that came"), "a provider that came");
        try {
            if (region.isOpen()) {
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
        swapping.acquire(region.waits().patient("a provider that goes"), "a provider that goes");
        try {
            if (!region.isOpen()) {
                region.awaitClosed(); // it says so before it has left its providers
                return;
            }
            Optional<Move> move = region.move();
            if (move.isPresent()
                    && (move.get().store() == provider || region.tuple().store() == provider)) {
                giveUp(move.get(), reason);
            }
            if (!region.tuple().uses(provider)) {
                return;
            }
            if (region.tuple().store() == provider) {
                region.loseStore(reason);
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
            region.degrade(reason + ", and " + e.getMessage());
            return;
        }
        try {
            region.swapTo(next, reason);
        } catch (RegionException e) {
            region.refused(e.getMessage());
            region.degrade(reason + ", and what is there refused: " + e.getMessage());
        }
    }

    private void giveUp(Move move, String reason) {
        move.cancel(reason, region.waits().patient("a swap"));
        move.awaitEnd(region.waits().patient("a swap"));
    }

    /** As {@link org.vellum.api.Region#swap}. */
    public RegionStatus.Swap swap(Map<String, String> selectors) {
        Begun begun;
        swapping.acquire(region.waits().endless("swap()"), "swap()");
        try {
            begun = begin(selectors);
            if (begun.move() == null) {
                region.followsWhatWasAsked();
            }
        } catch (RegionException e) {
            region.refusedToCaller(e.getMessage());
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
                ? otherStore(providers.get().store(subject(), wanted.store()))
                : Optional.empty();
        Accepted accepted = accept(wanted, asked);
        RegionStatus.Swap swap = put(accepted.tuple(), reason);
        String storeBefore = options.store();
        options = accepted.options();
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
        if (wanted == region.tuple().store()) {
            region.move().ifPresent(move -> giveUp(move, "it is to stay in store '" + wanted.name() + "'"));
        }
        if (wanted == region.tuple().store()) { // still so: the move may have been at its end
            return Optional.empty();
        }
        Optional<Move> moving = region.move();
        if (moving.isPresent() && moving.get().store() != wanted) {
            throw new RegionException(subject() + ": its image is on its way to store '"
                    + moving.get().store().name()
                    + "', " + moving.get().progress().percent() + " % are there; wait for it, or ask for store='"
                    + region.tuple().store().name() + "' to give that up");
        }
        if (region.storeAway().isPresent()) {
            throw new RegionException(
                    subject() + ": its store cannot be swapped now: its image is in a store that is away");
        }
        return Optional.of(wanted);
    }

    /**
     * To the same files at once, to others by a move, which may have begun before, or have ended meanwhile.
     *
     * @param before the selector to go back to if a move that begins here fails
     */
    private Begun go(Store store, String reason, String before) {
        Optional<Move> moving = region.move();
        if (moving.isPresent()) {
            return new Begun(null, moving.get(), options.store());
        }
        if (store == region.tuple().store()) {
            return new Begun(inForceAlready(), null, null);
        }
        Store.Request here = requestIn(region.tuple().store().name());
        Optional<Place> from = region.tuple().store().place(here);
        Optional<Place> to = store.place(request(0));
        if (from.isEmpty() || to.isEmpty() || from.get().hasFilesOf(to.get())) {
            RegionStatus.Swap swap = region.exchangeStore(store, from.isEmpty() ? request(0) : here, reason);
            from.flatMap(Place::folder).ifPresent(folder -> homes.put(store.name(), folder));
            return new Begun(swap, null, null);
        }
        Move move = region.startMove(store, request(region.bytes()), from.get(), to.get(), reason);
        to.get().folder().ifPresent(folder -> homes.put(store.name(), folder));
        storeBeforeMove = before;
        return new Begun(null, move, options.store());
    }

    /** The selector that asked for what failed is taken back, unless somebody has asked for something else since. */
    private RegionStatus.Swap await(Begun begun) {
        try {
            begun.move().awaitSuccess(region.waits().endless("swap()"));
        } catch (RegionInterruptedException e) {
            throw new RegionInterruptedException(subject()
                    + ": swap() was interrupted while its image moves; the move goes on, and status() tells how far"
                    + " it is");
        } catch (RegionException e) {
            swapping.acquire(region.waits().patient("swap()"), "swap()");
            try {
                if (region.move().isEmpty() && options.store().equals(begun.asked())) {
                    options = options.withStore(storeBeforeMove);
                }
            } finally {
                swapping.release();
            }
            throw e;
        }
        return region.lastSwap();
    }

    /**
     * The selectors were changed for good: what they say is followed now, where that is possible, and as providers come.
     */
    public void configure(RegionOptions changed) {
        swapping.acquire(region.waits().patient("a changed configuration"), "a changed configuration");
        try {
            options = changed;
            region.followsWhatWasAsked(); // or it is refused anew
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
            if (region.tuple().isTracked()) {
                region.refused(subject() + " stays on " + region.tuple().names() + ": " + e.getMessage());
            }
        }
    }

    private RegionStatus.Swap put(Tuple next, String reason) {
        return next.tracksLike(region.tuple()) ? inForceAlready() : region.swapTo(next, reason);
    }

    private RegionStatus.Swap inForceAlready() {
        RegionStatus.Providers now = region.tuple().names();
        return new RegionStatus.Swap(Instant.now(), now, now, 0, "in force already");
    }

    private Tuple select(RegionOptions by) {
        return providers.get().selectTracking(subject(), by, region.tuple().store());
    }

    /**
     * Where the selector does not allow the store in force, the region goes to one that it allows, and nobody waits for it;
     * a move to one that it does not allow is given up.
     */
    private void followStore(String reason) {
        List<Store> allowed = providers.get().stores().matching(options.store()).stream()
                .map(Offers.Offer::service)
                .toList();
        region.move()
                .filter(move -> !allowed.contains(move.store()))
                .ifPresent(move -> giveUp(
                        move,
                        reason + ", and it is not to go to store '"
                                + move.store().name() + "'"));
        Store now = region.tuple().store();
        if (now == null
                || allowed.isEmpty()
                || allowed.contains(now)
                || region.move().isPresent()) {
            return;
        }
        try {
            otherStore(allowed.get(0)).ifPresent(store -> go(store, reason, options.store()));
        } catch (RegionException e) {
            region.refused(e.getMessage());
        }
    }

    /** For the image as it is in the store of this name. */
    private Store.Request requestIn(String store) {
        Path folder = homes.getOrDefault(store, options.directory().orElse(null));
        return new Store.Request(region.name(), folder, 0, options.logSize());
    }

    /** For an image that goes where the options say. */
    private Store.Request request(long size) {
        return new Store.Request(region.name(), options.directory().orElse(null), size, options.logSize());
    }

    private record Accepted(RegionOptions options, Tuple tuple) {}

    /** The nearest tuple: other axes than those asked for are let go of only where nothing fits otherwise. */
    private Accepted accept(RegionOptions wanted, Set<Axis> asked) {
        try {
            return new Accepted(wanted, select(wanted));
        } catch (ProviderMissingException e) {
            for (List<Axis> axes : GIVING_WAY) {
                RegionOptions nearer = wanted;
                for (Axis axis : axes) {
                    nearer = asked.contains(axis) ? nearer : axis.select(nearer, RegionOptions.AUTO);
                }
                try {
                    return new Accepted(nearer, select(nearer));
                } catch (ProviderMissingException still) {
                    e.addSuppressed(still);
                }
            }
            throw e;
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
        String missing = region.storeAway().orElse(null);
        if (missing == null) {
            return;
        }
        for (Offers.Offer<Store> offer : providers.get().stores().all()) {
            if (offer.name().equals(missing)) {
                try {
                    region.regainStore(offer.service(), requestIn(missing));
                } catch (RegionException e) {
                    region.refused(subject() + " is still without its store: " + e.getMessage());
                }
                return;
            }
        }
    }
}
