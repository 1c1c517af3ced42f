// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.registry;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionException;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.providers.Providers;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.waiting.Wait;
import org.vellum.runtime.waiting.Waits;
import org.vellum.runtime.waiting.Watch;

/**
 * The tables of {@link Regions}: the providers there are, the names that are taken, and who may be in which provider now. All is
 * guarded by one lock, which is never held while anything foreign is called. Safe for use by many threads.
 *
 * <p>Whoever takes a provider away removes it here first, and waits until no thread is in it that opens a region or inspects
 * providers. So it can be told to every region that is open, and nobody comes into it any more.
 */
final class Registry {
    /** While something is missing that may come without any provider's coming, such as a file system that is mounted. */
    private static final long LOOK_AGAIN_NANOSECONDS = TimeUnit.SECONDS.toNanos(1);

    private final Watch watch;
    private final Waits waits = new Waits("the runtime", Optional.empty());
    private final Runnable warn = waits::warn;
    private final long settlingNanoseconds;

    private final ReentrantLock lock = new ReentrantLock();
    /** Signalled at every change of what is below. */
    private final Condition changed = lock.newCondition();

    private final Providers providers = new Providers();
    private final SortedMap<String, Claim> claims = new TreeMap<>();
    private boolean stopped;
    /** Providers that came or changed so far. */
    private long arrivals;
    /** When the last one came or went. */
    private long lastChange = System.nanoTime();
    /** Threads that are in providers on behalf of no claim. */
    private int inspections;

    /** @param settling how long after the last provider came or went they count as settled */
    Registry(Watch watch, Duration settling) {
        this.watch = watch;
        settlingNanoseconds = settling.toNanos();
    }

    private <T> T locked(Supplier<T> action) {
        lock.lock();
        try {
            return action.get();
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #locked}, and whoever waits looks again. */
    private <T> T changing(Supplier<T> action) {
        return locked(() -> {
            changed.signalAll();
            return action.get();
        });
    }

    private void change(Runnable action) {
        changing(() -> {
            action.run();
            return null;
        });
    }

    // Providers

    /** Those there are now; does not follow later changes. */
    Providers providers() {
        return locked(providers::snapshot);
    }

    /**
     * Adds a provider, or takes over its changed properties.
     *
     * @return the claims of regions that are to be told of it
     */
    List<Claim> put(Axis axis, Object provider, Map<String, Object> properties) {
        return changing(() -> {
            providers.of(axis).put(provider, properties);
            arrivals++;
            lastChange = System.nanoTime();
            return openClaims(claim -> true);
        });
    }

    /**
     * Removes a provider. When this returns, no thread is in it that opens a region or inspects it, nor will be.
     *
     * @return the claims of regions that are to be told of it
     */
    List<Claim> remove(Axis axis, Object provider) {
        return locked(() -> {
            providers.of(axis).remove(provider);
            lastChange = System.nanoTime();
            awaitNone("the removal of a " + axis.label(), claim -> claim.mayBeIn(provider));
            return openClaims(claim -> true);
        });
    }

    /** The providers there are, for somebody who asks them; whoever takes one away waits until {@link #endInspection}. */
    Providers beginInspection() {
        return locked(() -> {
            inspections++;
            return providers.snapshot();
        });
    }

    void endInspection() {
        change(() -> inspections--);
    }

    // Regions that are opened

    /**
     * Takes a name.
     *
     * @throws RegionBusyException somebody has it
     */
    void claim(String name, Claim claim) {
        locked(() -> {
            Claim holder = claims.get(name);
            if (holder != null) {
                throw new RegionBusyException("region '" + name + "' is "
                        + (holder.region() == null ? "being opened" : "open") + " in this process already, by "
                        + holder.owner().description()
                        + "; share it through that owner, or have it closed there first");
            }
            return claims.put(name, claim);
        });
    }

    void unclaim(String name) {
        change(() -> claims.remove(name));
    }

    /**
     * What an opening thread chooses from.
     *
     * @param settled none has come or gone for a while
     */
    record Offer(Providers providers, boolean settled) {}

    /**
     * From now on the thread may be in any provider.
     *
     * @throws RegionException the runtime is stopping
     */
    Offer beginChoice(String name, Claim claim) {
        return locked(() -> {
            if (stopped) {
                throw new RegionException("region '" + name + "' cannot be opened: the runtime is stopping");
            }
            claim.chooses(arrivals);
            return new Offer(providers.snapshot(), System.nanoTime() - lastChange >= settlingNanoseconds);
        });
    }

    /** It has chosen, and is in these and no others from now on. */
    void endChoice(Claim claim, Tuple tuple) {
        change(() -> claim.opens(tuple));
    }

    /** Nothing fits, and the thread is in no provider any more. */
    void failChoice(Claim claim) {
        change(claim::waits);
    }

    /**
     * Waits, behind {@link #failChoice}, until it is worth while to choose again; an interrupt is kept for later.
     *
     * @param onlyToSettle nothing is missing but that providers have settled
     * @param deadline by {@link System#nanoTime}; it returns then in any case
     */
    void awaitChoice(Claim claim, boolean onlyToSettle, long deadline) {
        locked(() -> {
            long now = System.nanoTime();
            long again = onlyToSettle ? Math.max(lastChange + settlingNanoseconds - now, 0) : LOOK_AGAIN_NANOSECONDS;
            Duration most = Duration.ofNanos(Math.max(0, Math.min(again, deadline - now)));
            await(waits.bounded("open()", most), "providers", () -> stopped || !claim.choseBy(arrivals));
            return null;
        });
    }

    /**
     * There is a region now; it is told of providers that come or go from now on.
     *
     * @return whether one has come since it chose
     */
    boolean opened(Claim claim, OpenRegion region) {
        return locked(() -> {
            claim.opened(region);
            return !claim.choseBy(arrivals);
        });
    }

    /** The opening thread is in no provider any more. */
    void announced(Claim claim) {
        change(claim::announced);
    }

    // Regions that are open

    /** In order of name. */
    List<OpenRegion> regions() {
        return locked(
                () -> openClaims(claim -> true).stream().map(Claim::region).toList());
    }

    Optional<OpenRegion> region(String name) {
        return locked(() -> Optional.ofNullable(claims.get(name)).map(Claim::region));
    }

    /** @param condition evaluated under the lock */
    List<Claim> open(Predicate<Claim> condition) {
        return locked(() -> openClaims(condition));
    }

    private List<Claim> openClaims(Predicate<Claim> condition) {
        return claims.values().stream()
                .filter(claim -> claim.region() != null)
                .filter(condition)
                .toList();
    }

    /** From now on no region is opened; when this returns, none is being opened. */
    void stop() {
        changing(() -> {
            stopped = true;
            awaitNone("stop()", Claim::isInProviders);
            return null;
        });
    }

    // Waits, all with the lock held

    /** Until nobody inspects providers and there is no claim of this kind, as long as it takes. */
    private void awaitNone(String operation, Predicate<Claim> kind) {
        BooleanSupplier over =
                () -> inspections == 0 && claims.values().stream().noneMatch(kind);
        if (!over.getAsBoolean()) {
            watch.add(warn);
            try {
                await(waits.patient(operation), () -> whoIsInProviders(kind), over);
            } finally {
                watch.remove(warn);
            }
        }
    }

    /** For people. Asked by any thread. */
    private String whoIsInProviders(Predicate<Claim> kind) {
        return locked(() -> {
            StringBuilder sentence = new StringBuilder();
            if (inspections > 0) {
                sentence.append("providers that are still being asked what they have");
            }
            claims.forEach((name, claim) -> {
                if (kind.test(claim)) {
                    sentence.append(sentence.isEmpty() ? "" : ", and ")
                            .append("region '")
                            .append(name)
                            .append("', which is still being opened by ")
                            .append(claim.owner().description());
                }
            });
            return sentence.toString();
        });
    }

    private void await(Wait wait, String forWhat, BooleanSupplier over) {
        await(wait, () -> forWhat, over);
    }

    private void await(Wait wait, Supplier<String> forWhom, BooleanSupplier over) {
        wait.begin(forWhom);
        try {
            while (!over.getAsBoolean() && wait.left() > 0) {
                wait.await(changed, wait.left());
            }
        } finally {
            wait.end();
        }
    }
}
