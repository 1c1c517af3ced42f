// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.registry;

import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;
import org.vellum.api.DamagedImageException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.WantedRegion;
import org.vellum.api.provider.Store;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.providers.Providers;
import org.vellum.runtime.providers.StillStartingException;
import org.vellum.runtime.providers.StoreChoice;
import org.vellum.runtime.providers.StoreRecords;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.region.RegionChecks;
import org.vellum.runtime.region.RegionListener;
import org.vellum.runtime.region.RegionOpening;
import org.vellum.runtime.services.RuntimeServices;
import org.vellum.runtime.waiting.Clock;

/**
 * Every region open in this process, and the providers to compose them of: opens regions on behalf of owners, tells them of
 * providers that come and go, and closes them. Its tables, and who waits for whom in them, are the {@link Registry}'s. Safe for
 * use by many threads.
 */
public class Regions {
    private static final System.Logger LOGGER = System.getLogger(Regions.class.getName());

    /** A wait that is over before it begins, and does not stand for the time in which providers come. */
    private static final long NEVER_WAITS = -1;

    private final RuntimeServices services;
    private final StoreRecords records;
    private final Registry registry;
    private volatile long providerWaitNanoseconds;
    private final List<Runnable> arrivalListeners = new CopyOnWriteArrayList<>();
    private final List<Runnable> changeListeners = new CopyOnWriteArrayList<>();
    /** By who wants it. */
    private final Map<String, WantedRegion> wanted = new ConcurrentSkipListMap<>();

    private final Clock clock = new Clock();

    /** Remembers nothing and waits for nobody but providers that are missing. */
    public Regions(RuntimeServices services, long providerWaitMilliseconds) {
        this(services, providerWaitMilliseconds, StoreRecords.NONE, Duration.ZERO);
    }

    /**
     * @param providerWaitMilliseconds how long {@link #open} waits for providers that work
     * @param records of regions that were open before
     * @param settling how long after the last provider came or went a region may be created in a store that nobody named
     */
    public Regions(RuntimeServices services, long providerWaitMilliseconds, StoreRecords records, Duration settling) {
        this.services = services;
        this.records = records;
        this.registry = new Registry(services.watch(), settling);
        setProviderWait(providerWaitMilliseconds);
    }

    /** For who opens a region from now on. */
    public final void setProviderWait(long milliseconds) {
        providerWaitNanoseconds = TimeUnit.MILLISECONDS.toNanos(milliseconds);
    }

    public Clock clock() {
        return clock;
    }

    // Providers

    /** Adds a provider, or takes over its changed properties. */
    public void providerArrived(Axis axis, Object provider, Map<String, Object> properties) {
        for (Claim claim : registry.put(axis, provider, properties)) {
            claim.region().providerCame();
        }
        arrivalListeners.forEach(Runnable::run);
        tellOfChange();
    }

    /**
     * When this returns, no region uses the provider and no thread is in its code on our behalf. Regions go on with
     * another provider, or without.
     */
    public void providerLeaves(Axis axis, Object provider) {
        String reason = "its " + axis.label() + " goes away";
        for (Claim claim : registry.remove(axis, provider)) {
            leave(claim, provider, reason);
        }
    }

    private void leave(Claim claim, Object provider, String reason) {
        try {
            claim.region().providerLeft(provider, reason);
        } catch (RuntimeException e) {
            close(claim, reason + ", and it cannot go on without: " + e.getMessage());
        }
    }

    /** Those there are now; does not follow later changes. */
    public Providers providers() {
        return registry.providers();
    }

    /** Why no region at all can be opened now, a sentence; empty if one can. */
    public Optional<String> obstacle() {
        return inspect(Providers::obstacle);
    }

    /** Lets a caller ask providers; whoever takes one of them away waits until it has. */
    private <T> T inspect(Function<Providers, T> inspection) {
        Providers now = registry.beginInspection();
        try {
            return inspection.apply(now);
        } finally {
            registry.endInspection();
        }
    }

    /** The listener is called, without locks, whenever a provider was added or changed. */
    public void addArrivalListener(Runnable listener) {
        arrivalListeners.add(listener);
    }

    /** The listener is called, without locks, whenever a provider was added or changed, or a region closed. */
    public void addChangeListener(Runnable listener) {
        changeListeners.add(listener);
    }

    public void removeChangeListener(Runnable listener) {
        changeListeners.remove(listener);
    }

    private void tellOfChange() {
        changeListeners.forEach(Runnable::run);
    }

    // Regions

    /** As {@link org.vellum.api.RegionManager#open}; waits a while for providers that work. */
    public OpenRegion open(String name, RegionOptions options, Owner owner) {
        return open(name, options, owner, providerWaitNanoseconds);
    }

    /**
     * As {@link #open}, without waiting for providers.
     *
     * @throws StillStartingException it is to be tried again in a moment
     */
    public OpenRegion openNow(String name, RegionOptions options, Owner owner) {
        return open(name, options, owner, NEVER_WAITS);
    }

    private OpenRegion open(String name, RegionOptions options, Owner owner, long wait) {
        RegionChecks.checkName(name);
        Claim claim = new Claim(owner, options.directory().orElse(null));
        registry.claim(name, claim);
        OpenRegion region;
        try {
            Tuple tuple = select(name, options, claim, wait);
            registry.endChoice(claim, tuple);
            region = RegionOpening.open(name, options, tuple, services, this::providers, new ClaimListener(claim));
            remember(claim, region);
        } catch (RuntimeException | Error e) {
            registry.unclaim(name);
            if (e instanceof DamagedImageException && !owner.knows(e.getMessage())) {
                post(RegionEvents.DAMAGED, Map.of(RegionEvents.REGION, name, RegionEvents.MESSAGE, e.getMessage()));
            }
            throw e;
        }
        boolean providersCame = registry.opened(claim, region);
        try {
            announce(region.status());
        } finally {
            registry.announced(claim); // whoever takes a provider away waited, so that it is told of the opening first
        }
        if (providersCame) { // while it was being opened
            region.providerCame();
        }
        return region;
    }

    /** Chooses from the providers there are, again whenever some have come; afterwards the claim is in them. */
    private Tuple select(String name, RegionOptions options, Claim claim, long wait) {
        long begin = System.nanoTime();
        while (true) {
            boolean mayWait = wait > System.nanoTime() - begin;
            Registry.Offer offer = registry.beginChoice(name, claim);
            boolean settled = offer.settled() || (wait != NEVER_WAITS && !mayWait);
            try {
                return offer.providers().select(name, options, records, settled);
            } catch (ProviderMissingException e) {
                registry.failChoice(claim);
                boolean onlyToSettle = e instanceof StillStartingException;
                if (!mayWait) {
                    throw wait <= 0 || onlyToSettle
                            ? e
                            : new ProviderMissingException(
                                    e.getMessage() + " (waited " + TimeUnit.NANOSECONDS.toMillis(wait) + " ms)", e);
                }
                registry.awaitChoice(claim, onlyToSettle, begin + wait);
            }
        }
    }

    /** Notes which store the region is in, if that is one that it may be taken to be in by itself. */
    private void remember(Claim claim, OpenRegion region) {
        Store store = region.tuple().store();
        Store.Request request = new Store.Request(region.name(), claim.directory(), 0, 0);
        boolean lasting = inspect(now -> now.stores().all().stream()
                .filter(offer -> offer.service() == store)
                .anyMatch(offer -> StoreChoice.obstacleToAuto(offer, request).isEmpty()));
        if (lasting) {
            records.remember(region.name(), claim.directory(), store.name());
        }
    }

    // Regions that somebody wants

    /** A region is wanted by this configuration and is not open. */
    public void wants(WantedRegion region) {
        wanted.put(region.wantedBy(), region);
    }

    /** What this configuration wants is open, or it wants nothing any more. */
    public void wantsNothing(String wantedBy) {
        wanted.remove(wantedBy);
    }

    /** As {@link org.vellum.api.RegionManager#wanted}. */
    public List<WantedRegion> wanted() {
        return wanted.values().stream()
                .sorted(Comparator.comparing(WantedRegion::name))
                .toList();
    }

    private final class ClaimListener implements RegionListener {
        private final Claim claim;

        private ClaimListener(Claim claim) {
            this.claim = claim;
        }

        @Override
        public void swapped(OpenRegion region, boolean otherStore) {
            if (otherStore) {
                remember(claim, region);
            }
            claim.owner().swapped(region);
        }

        @Override
        public void released(OpenRegion region) {
            registry.unclaim(region.name());
        }

        @Override
        public void closed(OpenRegion region) {
            LOGGER.log(
                    Level.INFO,
                    "region ''{0}'' closed at epoch {1}",
                    region.name(),
                    Long.toString(region.status().epoch()));
            post(RegionEvents.CLOSED, Map.of(RegionEvents.REGION, region.name()));
            claim.owner().closed(region);
            tellOfChange();
        }
    }

    private void announce(RegionStatus status) {
        LOGGER.log(
                Level.INFO,
                "region ''{0}'' open: {1} bytes at {2}, epoch {3}, {4}",
                status.name(),
                Long.toString(status.size()),
                "0x" + Long.toHexString(status.address()),
                Long.toString(status.epoch()),
                status.providers());
        for (String remark : status.remarks()) {
            LOGGER.log(Level.INFO, "region ''{0}'': {1}", status.name(), remark);
        }
        post(
                RegionEvents.OPENED,
                Map.of(
                        RegionEvents.REGION,
                        status.name(),
                        RegionEvents.EPOCH,
                        status.epoch(),
                        RegionEvents.PROVIDERS,
                        status.providers().toString()));
    }

    private void post(String topic, Map<String, Object> properties) {
        services.events().post(topic, properties);
    }

    /** Open now, in order of name. */
    public List<Region> regions() {
        return List.copyOf(registry.regions());
    }

    public Optional<Region> region(String name) {
        return registry.region(name).map(Region.class::cast);
    }

    /** Closes what this owner opened. */
    public void closeAllOf(Owner owner) {
        closeAll(claim -> claim.owner() == owner, "its owner, " + owner.description() + ", stops");
    }

    /** Closes everything and opens nothing any more. */
    public void stop() {
        registry.stop();
        clock.close();
        closeAll(claim -> true, "the runtime or the native core stops; uncommitted stores are gone");
    }

    /** @param condition evaluated under the registry's lock */
    private void closeAll(Predicate<Claim> condition, String reason) {
        registry.open(condition).forEach(claim -> close(claim, reason));
    }

    private static void close(Claim claim, String reason) {
        LOGGER.log(Level.INFO, "region ''{0}'' is closed: {1}", claim.region().name(), reason);
        try {
            claim.owner().closing(claim.region());
            claim.region().closeWithoutOwner();
        } catch (RuntimeException e) {
            LOGGER.log(Level.WARNING, "region '" + claim.region().name() + "' did not close cleanly", e);
        }
    }

    /** The selectors of an open region were changed for good, by who opened it. */
    public void configure(OpenRegion region, RegionOptions options) {
        if (registry.region(region.name()).filter(open -> open == region).isPresent()) {
            region.configure(options);
        }
    }
}
