package org.vellum.runtime;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.Store;

/**
 * Keeps one open region on the best providers that its selectors allow, whatever comes and goes.
 *
 * <p>One swap at a time: the others wait for their turn, in order, and each decides by what is there when it has it. So
 * whoever takes a provider out of the tables first and then calls {@link #providerLeft} knows afterwards that nobody is in
 * that provider on behalf of this region, nor will be.
 *
 * <p>The image stays where it is: a store that ranks better changes nothing, of a store that comes it matters whether it
 * is the one that went, and one that is asked for must open the very files.
 */
final class Composition {
    /** Axes that give way, one after the other and then together, when they were not asked for. */
    private static final List<List<String>> GIVING_WAY = List.of(
            List.of("pagetable"),
            List.of("vmm", "pagetable"),
            List.of("strategy"),
            List.of("vmm", "pagetable", "strategy"));

    private final OpenRegion region;
    private final Supplier<Providers> providers;
    /** Taken before the region's locks. */
    private final ReentrantLock swapping = new ReentrantLock(true);
    /** Guarded by {@link #swapping}. */
    private RegionOptions options;

    /** @param providers gives those there are now, as a snapshot */
    Composition(OpenRegion region, RegionOptions options, Supplier<Providers> providers) {
        this.region = region;
        this.options = options;
        this.providers = providers;
    }

    private String subject() {
        return "region '" + region.name() + "'";
    }

    /** A provider came, or says something else of itself: it may be better than the one in force, or be the missing one. */
    void providerCame() {
        swapping.lock();
        try {
            if (region.isOpen()) {
                regainStore();
                follow("a provider came");
            }
        } finally {
            swapping.unlock();
        }
    }

    /**
     * A provider is not in the tables any more. When this returns the region does not use it.
     *
     * @throws RegionException the region cannot go on without it, and is to be closed
     */
    void providerLeft(Object provider, String reason) {
        swapping.lock();
        try {
            if (!region.isOpen()) {
                region.awaitClosed(); // it says so before it has left its providers
                return;
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
            swapping.unlock();
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

    /** As {@link org.vellum.api.Region#swap}. */
    RegionStatus.Swap swap(Map<String, String> selectors) {
        swapping.lock();
        try {
            RegionOptions wanted = options;
            for (Map.Entry<String, String> selector : selectors.entrySet()) {
                wanted = wanted.withSelector(selector.getKey(), selector.getValue());
            }
            String reason = "asked for: " + text(selectors);
            Optional<Store> store = otherStore(selectors);
            Accepted accepted = accept(wanted, selectors);
            RegionStatus.Swap swap = put(accepted.tuple(), reason);
            options = accepted.options();
            return store.isEmpty() ? swap : region.exchangeStore(store.get(), request(), reason);
        } catch (RegionException e) {
            region.refused(e.getMessage());
            throw e;
        } finally {
            swapping.unlock();
        }
    }

    /**
     * The selectors were changed for good: what they say is followed now, where that is possible, and as providers come.
     */
    void configure(RegionOptions changed) {
        swapping.lock();
        try {
            options = changed;
            follow("the configuration was changed");
        } finally {
            swapping.unlock();
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
        Tuple now = region.tuple();
        if (next.tracksLike(now)) {
            return new RegionStatus.Swap(Instant.now(), now.names(), now.names(), 0, "in force already");
        }
        return region.swapTo(next, reason);
    }

    private Tuple select(RegionOptions by) {
        return providers.get().selectTracking(subject(), by, region.tuple().store());
    }

    /** The store that is asked for, if it is another than the one in force. */
    private Optional<Store> otherStore(Map<String, String> asked) {
        if (!asked.containsKey("store")) {
            return Optional.empty();
        }
        Store wanted = providers.get().store(subject(), asked.get("store"));
        if (wanted == region.tuple().store()) {
            return Optional.empty();
        }
        if (!region.canLoseStore() || region.storeAway().isPresent()) {
            throw new RegionException(subject() + ": its store cannot be swapped now: its image is "
                    + (region.canLoseStore() ? "in a store that is away" : "written in place"));
        }
        return Optional.of(wanted);
    }

    private Store.Request request() {
        return new Store.Request(region.name(), options.directory().orElse(null), 0, options.logSize());
    }

    private record Accepted(RegionOptions options, Tuple tuple) {}

    /** The nearest tuple: other axes than those asked for are let go of only where nothing fits otherwise. */
    private Accepted accept(RegionOptions wanted, Map<String, String> asked) {
        try {
            return new Accepted(wanted, select(wanted));
        } catch (ProviderMissingException e) {
            for (List<String> axes : GIVING_WAY) {
                RegionOptions nearer = wanted;
                for (String axis : axes) {
                    nearer = asked.containsKey(axis) ? nearer : nearer.withSelector(axis, RegionOptions.AUTO);
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
                " ", selectors.entrySet().stream().map(entry -> entry.getKey() + "=" + entry.getValue()).toList());
    }

    private void regainStore() {
        String missing = region.storeAway().orElse(null);
        if (missing == null) {
            return;
        }
        for (Axis.Offer<Store> offer : providers.get().stores().all()) {
            if (offer.name().equals(missing)) {
                try {
                    region.regainStore(offer.service(), request());
                } catch (RegionException e) {
                    region.refused(subject() + " is still without its store: " + e.getMessage());
                }
                return;
            }
        }
    }
}
