// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.RegionStatus.Providers;
import org.vellum.api.provider.Strategy;

/** Makes a planned swap every 50 ms, until the process is killed. */
final class Swapper implements Workers.Work {
    private static final long INTERVAL_NANOSECONDS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long POLL_NANOSECONDS = 50_000;
    private static final long STORES_AFTER_A_SWAP = 100;
    private static final int COUNT_EVERY = 25;
    private static final int ABOVE_ALL = 1_000_000;

    private final BundleContext context;
    private final Plan.Life life;
    private final MeteredRegion metered;
    private final Region checked;
    private final List<Region> regions;
    /** The stores they began with. */
    private final List<String> stores;

    private final StallMeter meter;
    private final ProviderBundles bundles;
    private final PrintStream out;

    Swapper(
            BundleContext context,
            Plan.Life life,
            Region checked,
            MeteredRegion metered,
            StallMeter meter,
            PrintStream out) {
        this.context = context;
        this.life = life;
        this.metered = metered;
        this.checked = checked;
        this.regions = List.of(checked, metered.region());
        this.stores = regions.stream().map(region -> providers(region).store()).toList();
        this.meter = meter;
        this.bundles = new ProviderBundles(context);
        this.out = out;
    }

    @Override
    public void run(Workers.Steps steps) {
        SwapPlan plan = new SwapPlan(life.seed());
        long due = System.nanoTime();
        for (int number = 1; ; number++) {
            due = Math.max(due + INTERVAL_NANOSECONDS, System.nanoTime());
            for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            if (number == life.swaps()) {
                Assassin.strikeAfter(life.delayNanoseconds());
            }
            meter.reset();
            swap(number, plan.next());
            awaitMeter();
            out.println("stalled nanoseconds=" + meter.longest());
            if (life.counted() && number % COUNT_EVERY == 0) {
                count(number);
            }
            steps.done();
        }
    }

    private void swap(int number, SwapPlan.Swap swap) {
        out.println("swapping number=" + number + " " + swap);
        List<Optional<RegionStatus.Swap>> before = lastSwaps();
        try {
            switch (swap.way()) {
                case REQUEST -> request(swap);
                case CONFIGURATION -> configure(swap);
                case RANKING -> outrank(swap);
                case RESTART -> restart(bundles.bundle(swap.axis(), swap.provider()), swap.pauseNanoseconds());
                case UPDATE -> bundles.update(bundles.bundle(swap.axis(), swap.provider()));
                case REFRESH -> bundles.refresh(bundles.bundle(swap.axis(), swap.provider()));
            }
        } catch (RegionException e) {
            out.println("refused " + e.getMessage());
            return;
        } catch (BundleException e) {
            throw new IllegalStateException(swap + ": " + e, e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e); // nobody interrupts
        }
        report(swap, before);
    }

    /** A provider that no region uses comes and goes without a swap. */
    private void report(SwapPlan.Swap swap, List<Optional<RegionStatus.Swap>> before) {
        List<Optional<RegionStatus.Swap>> after = lastSwaps();
        long gate = -1;
        for (int i = 0; i < after.size(); i++) {
            if (!after.get(i).equals(before.get(i))) {
                gate = Math.max(gate, after.get(i).orElseThrow().gateNanoseconds());
            }
        }
        out.println(gate < 0 ? "unchanged" : "swapped way=" + swap.way() + " axis=" + swap.axis() + " gate=" + gate);
    }

    private List<Optional<RegionStatus.Swap>> lastSwaps() {
        return regions.stream().map(region -> region.status().lastSwap()).toList();
    }

    private static Providers providers(Region region) {
        return region.status().providers();
    }

    private static String provider(Region region, String axis) {
        Providers inForce = providers(region);
        return switch (axis) {
            case "vmm" -> inForce.vmm();
            case "pagetable" -> inForce.pageTable();
            case "strategy" -> inForce.strategy();
            default -> inForce.store();
        };
    }

    /** One of an axis, and not the one in force, if there is another. */
    private String other(Region region, SwapPlan.Swap swap) {
        List<String> others = new ArrayList<>(bundles.names(swap.axis()));
        if (swap.axis().equals("store") && region == checked) {
            others.retainAll(StoreFolders.LASTING); // what it commits in memory would be gone after the kill
        }
        String inForce = provider(region, swap.axis());
        others.remove(inForce);
        return others.isEmpty() ? inForce : others.get(swap.provider() % others.size());
    }

    private void request(SwapPlan.Swap swap) {
        Region region = regions.get(swap.region() % regions.size());
        region.swap(Map.of(swap.axis(), other(region, swap)));
    }

    private void configure(SwapPlan.Swap swap) {
        Region region = metered.region();
        String strategy = swap.axis().equals("strategy") ? other(region, swap) : RegionOptions.AUTO;
        // both, since in a configuration nothing gives way
        String vmm = swap.axis().equals("vmm") ? other(region, swap) : RegionOptions.AUTO;
        String pageTable = swap.axis().equals("pagetable") ? other(region, swap) : RegionOptions.AUTO;
        metered.select(vmm, pageTable, strategy);
    }

    /** A strategy of another name, with the native half of one that is there, ranks above all and goes again. */
    private void outrank(SwapPlan.Swap swap) {
        Region region = regions.get(swap.region() % regions.size());
        region.swap(Map.of(swap.axis(), RegionOptions.AUTO));
        ServiceReference<Strategy> service =
                bundles.bundle(swap.axis(), swap.provider()).getBundleContext().getServiceReference(Strategy.class);
        Strategy like = context.getService(service);
        ServiceRegistration<Strategy> above = context.registerService(
                Strategy.class,
                new Outranking(like),
                new Hashtable<>(Map.of(Strategy.PROPERTY, Outranking.NAME, Constants.SERVICE_RANKING, ABOVE_ALL)));
        LockSupport.parkNanos(swap.pauseNanoseconds());
        above.unregister();
        context.ungetService(service);
    }

    /** Stores go on meanwhile, tracked by another provider or by none. */
    private static void restart(Bundle bundle, long pauseNanoseconds) throws BundleException {
        bundle.stop();
        LockSupport.parkNanos(pauseNanoseconds);
        bundle.start();
    }

    private void awaitMeter() {
        for (long stores = meter.stores() + STORES_AFTER_A_SWAP; meter.stores() < stores; ) {
            LockSupport.parkNanos(POLL_NANOSECONDS);
        }
    }

    /** What a process holds depends on its tuples, so it is counted always under the same. */
    private void count(int swaps) {
        for (int i = 0; i < regions.size(); i++) {
            regions.get(i).swap(Map.of("vmm", "host", "pagetable", "host", "strategy", "auto", "store", stores.get(i)));
        }
        try {
            Holdings holdings = Holdings.count();
            out.println("holds swaps=" + swaps + " loaders=" + bundles.classLoaders() + " " + holdings);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
