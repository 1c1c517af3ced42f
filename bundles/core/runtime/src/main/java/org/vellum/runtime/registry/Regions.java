// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.registry;

import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.vellum.api.DamagedImageException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionException;
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
 * Every region open in this process, and the providers to compose them of. Safe for use by many threads; its monitor is
 * never held while anything foreign is called.
 */
public class Regions {
    private static final System.Logger LOGGER = System.getLogger(Regions.class.getName());

    /** Nanoseconds after which a wait that may last is said in the log, then at twice that. */
    private static final long FIRST_WARNING = TimeUnit.SECONDS.toNanos(5);

    /** A wait that is over before it begins, and does not stand for the time in which providers come. */
    private static final long NEVER_WAITS = -1;

    /** A name that is taken: by a region, or by one being opened. Guarded by the monitor. */
    private static final class Claim {
        private final Owner owner;
        /** As in the options it is opened with, or null. */
        private final Path directory;
        /** Set while an opening thread may call into providers. */
        private boolean inProviders;
        /** {@link Regions#arrivals} when it chose. */
        private long arrivals;
        /** Which ones; null while it still chooses, and after it was opened: it must not keep them alive. */
        private Tuple tuple;
        /** Null until open. */
        private OpenRegion region;

        private Claim(Owner owner, Path directory) {
            this.owner = owner;
            this.directory = directory;
        }

        private boolean mayBeIn(Object provider) {
            return inProviders && (tuple == null || tuple.uses(provider));
        }
    }

    /** While something is missing that may come without any provider's coming, such as a file system that is mounted. */
    private static final long LOOK_AGAIN_NANOSECONDS = TimeUnit.SECONDS.toNanos(1);

    private final RuntimeServices services;
    private final StoreRecords records;
    private final long settlingNanoseconds;
    private volatile long providerWaitNanoseconds;
    private final List<Runnable> arrivalListeners = new CopyOnWriteArrayList<>();
    private final List<Runnable> changeListeners = new CopyOnWriteArrayList<>();
    private final SortedMap<String, WantedRegion> wanted = new TreeMap<>();
    private final Clock clock = new Clock();

    private final Providers providers = new Providers();
    private final SortedMap<String, Claim> claims = new TreeMap<>();
    private boolean stopped;
    /** Providers that came or changed so far. Guarded by the monitor. */
    private long arrivals;
    /** When the last one came or went. Guarded by the monitor. */
    private long lastChange = System.nanoTime();
    /** Threads that are in providers on behalf of no claim. Guarded by the monitor. */
    private int inspections;

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
        this.settlingNanoseconds = settling.toNanos();
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
        List<Claim> open;
        synchronized (this) {
            providers.of(axis).put(provider, properties);
            arrivals++;
            lastChange = System.nanoTime();
            notifyAll();
            open = openClaims(claim -> true).toList();
        }
        for (Claim claim : open) {
            claim.region.providerCame();
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
        synchronized (this) {
            providers.of(axis).remove(provider);
            lastChange = System.nanoTime();
            waitUntil(reason, claim -> claim.mayBeIn(provider));
        }
        List<Claim> open;
        synchronized (this) {
            open = openClaims(claim -> true).toList();
        }
        for (Claim claim : open) {
            leave(claim, provider, reason);
        }
    }

    private void leave(Claim claim, Object provider, String reason) {
        try {
            claim.region.providerLeft(provider, reason);
        } catch (RuntimeException e) {
            close(claim, reason + ", and it cannot go on without: " + e.getMessage());
        }
    }

    /** Those there are now; does not follow later changes. */
    public synchronized Providers providers() {
        return providers.snapshot();
    }

    /** Why no region at all can be opened now, a sentence; empty if one can. */
    public Optional<String> obstacle() {
        return inspect(Providers::obstacle);
    }

    /** Lets a caller ask providers; whoever takes one of them away waits until it has. */
    private <T> T inspect(Function<Providers, T> inspection) {
        Providers now;
        synchronized (this) {
            inspections++;
            now = providers.snapshot();
        }
        try {
            return inspection.apply(now);
        } finally {
            synchronized (this) {
                inspections--;
                notifyAll();
            }
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
        claim(name, claim);
        OpenRegion region;
        try {
            Tuple tuple = select(name, options, claim, wait);
            synchronized (this) {
                claim.tuple = tuple;
                notifyAll();
            }
            region = RegionOpening.open(name, options, tuple, services, this::providers, new ClaimListener(claim));
            remember(claim, region);
        } catch (RuntimeException | Error e) {
            unclaim(name);
            if (e instanceof DamagedImageException && !owner.knows(e.getMessage())) {
                post(RegionEvents.DAMAGED, Map.of(RegionEvents.REGION, name, RegionEvents.MESSAGE, e.getMessage()));
            }
            throw e;
        }
        boolean providersCame;
        synchronized (this) {
            claim.region = region;
            providersCame = arrivals != claim.arrivals;
        }
        try {
            announce(region.status());
        } finally {
            synchronized (this) { // whoever takes a provider away waited, so that it is told of the opening first
                claim.inProviders = false;
                claim.tuple = null;
                notifyAll();
            }
        }
        if (providersCame) { // while it was being opened
            claim.region.providerCame();
        }
        return region;
    }

    private synchronized void claim(String name, Claim claim) {
        Claim holder = claims.get(name);
        if (holder != null) {
            throw new RegionBusyException("region '" + name + "' is "
                    + (holder.region == null ? "being opened" : "open") + " in this process already, by "
                    + holder.owner.description() + "; share it through that owner, or have it closed there first");
        }
        claims.put(name, claim);
    }

    /** Chooses from the providers there are, again whenever some have come; afterwards the claim is in them. */
    private Tuple select(String name, RegionOptions options, Claim claim, long wait) {
        long begin = System.nanoTime();
        while (true) {
            boolean mayWait = wait > System.nanoTime() - begin;
            Providers choice;
            boolean settled;
            synchronized (this) {
                requireRunning(name);
                claim.inProviders = true;
                claim.arrivals = arrivals;
                choice = providers.snapshot();
                settled = wait != NEVER_WAITS && !mayWait || System.nanoTime() - lastChange >= settlingNanoseconds;
            }
            try {
                return choice.select(name, options, records, settled);
            } catch (ProviderMissingException e) {
                synchronized (this) {
                    claim.inProviders = false;
                    notifyAll();
                    if (!mayWait) {
                        throw wait <= 0 || e instanceof StillStartingException
                                ? e
                                : new ProviderMissingException(
                                        e.getMessage() + " (waited " + TimeUnit.NANOSECONDS.toMillis(wait) + " ms)", e);
                    }
                    waitForChange(claim, e instanceof StillStartingException, begin + wait);
                }
            }
        }
    }

    /** Waits on the monitor, which the caller holds, until it is worth while to choose again. */
    private void waitForChange(Claim claim, boolean onlyToSettle, long deadline) {
        long now = System.nanoTime();
        long again = onlyToSettle ? Math.max(lastChange + settlingNanoseconds - now, 0) : LOOK_AGAIN_NANOSECONDS;
        waitUntil(() -> stopped || arrivals != claim.arrivals, now + Math.min(again, deadline - now));
    }

    private void requireRunning(String name) {
        if (stopped) {
            throw new RegionException("region '" + name + "' cannot be opened: the runtime is stopping");
        }
    }

    /** Notes which store the region is in, if that is one that it may be taken to be in by itself. */
    private void remember(Claim claim, OpenRegion region) {
        Store store = region.tuple().store();
        Store.Request request = new Store.Request(region.name(), claim.directory, 0, 0);
        boolean lasting = inspect(now -> now.stores().all().stream()
                .filter(offer -> offer.service() == store)
                .anyMatch(offer -> StoreChoice.obstacleToAuto(offer, request).isEmpty()));
        if (lasting) {
            records.remember(region.name(), claim.directory, store.name());
        }
    }

    // Regions that somebody wants

    /** A region is wanted by this configuration and is not open. */
    public synchronized void wants(WantedRegion region) {
        wanted.put(region.wantedBy(), region);
    }

    /** What this configuration wants is open, or it wants nothing any more. */
    public synchronized void wantsNothing(String wantedBy) {
        wanted.remove(wantedBy);
    }

    /** As {@link org.vellum.api.RegionManager#wanted}. */
    public synchronized List<WantedRegion> wanted() {
        return wanted.values().stream()
                .sorted(Comparator.comparing(WantedRegion::name))
                .toList();
    }

    private synchronized void unclaim(String name) {
        claims.remove(name);
        notifyAll();
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
            claim.owner.swapped(region);
        }

        @Override
        public void released(OpenRegion region) {
            unclaim(region.name());
        }

        @Override
        public void closed(OpenRegion region) {
            LOGGER.log(
                    Level.INFO,
                    "region ''{0}'' closed at epoch {1}",
                    region.name(),
                    Long.toString(region.status().epoch()));
            post(RegionEvents.CLOSED, Map.of(RegionEvents.REGION, region.name()));
            claim.owner.closed(region);
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
    public synchronized List<Region> regions() {
        return openClaims(claim -> true).<Region>map(claim -> claim.region).toList();
    }

    public synchronized Optional<Region> region(String name) {
        return Optional.ofNullable(claims.get(name)).map(claim -> claim.region);
    }

    private Stream<Claim> openClaims(Predicate<Claim> condition) {
        return claims.values().stream().filter(claim -> claim.region != null).filter(condition);
    }

    /** Closes what this owner opened. */
    public void closeAllOf(Owner owner) {
        closeAll(claim -> claim.owner == owner, "its owner, " + owner.description() + ", stops");
    }

    /** Closes everything and opens nothing any more. */
    public void stop() {
        synchronized (this) {
            stopped = true;
            notifyAll();
            waitUntil("the runtime stops", claim -> claim.inProviders);
        }
        clock.close();
        closeAll(claim -> true, "the runtime or the native core stops; uncommitted stores are gone");
    }

    /** The condition is evaluated under the monitor, for open regions only. */
    private void closeAll(Predicate<Claim> condition, String reason) {
        List<Claim> closing;
        synchronized (this) {
            closing = new ArrayList<>(openClaims(condition).toList());
        }
        closing.forEach(claim -> close(claim, reason));
    }

    private static void close(Claim claim, String reason) {
        LOGGER.log(Level.INFO, "region ''{0}'' is closed: {1}", claim.region.name(), reason);
        try {
            claim.owner.closing(claim.region);
            claim.region.closeWithoutOwner();
        } catch (RuntimeException e) {
            LOGGER.log(Level.WARNING, "region '" + claim.region.name() + "' did not close cleanly", e);
        }
    }

    /** The selectors of an open region were changed for good, by who opened it. */
    public void configure(OpenRegion region, RegionOptions options) {
        Claim claim;
        synchronized (this) {
            claim = claims.get(region.name());
        }
        if (claim != null && claim.region == region) {
            region.configure(options);
        }
    }

    /**
     * Until nobody inspects stores and no region is being opened of this kind, as long as it takes; says for which it waits.
     * With the monitor held.
     *
     * @param why it waits, for people
     */
    private void waitUntil(String why, Predicate<Claim> none) {
        BooleanSupplier over =
                () -> inspections == 0 && claims.values().stream().noneMatch(none);
        long interval = FIRST_WARNING;
        while (!over.getAsBoolean()) {
            waitUntil(over, System.nanoTime() + interval);
            if (!over.getAsBoolean()) {
                interval *= 2;
                if (inspections > 0) {
                    LOGGER.log(
                            Level.WARNING,
                            "stores are still being asked which regions they have, which is waited for: {0}",
                            why);
                }
                claims.forEach((name, claim) -> {
                    if (none.test(claim)) {
                        LOGGER.log(
                                Level.WARNING,
                                "region ''{0}'' is still being opened, by {1}, which is waited for: {2}",
                                name,
                                claim.owner.description(),
                                why);
                    }
                });
            }
        }
    }

    /** Waits on the monitor, which the caller holds; an interrupt is kept for later. */
    private void waitUntil(BooleanSupplier condition, long deadline) {
        boolean interrupted = false;
        while (!condition.getAsBoolean()) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                break;
            }
            try {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
