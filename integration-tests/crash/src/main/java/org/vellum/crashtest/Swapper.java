package org.vellum.crashtest;

import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;

/** Swaps a provider of a random axis every 50 ms: by request, or by stopping and starting or updating its bundle. */
final class Swapper implements Runnable {
    private static final long INTERVAL_NANOSECONDS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long STUCK_NANOSECONDS = TimeUnit.SECONDS.toNanos(30);
    private static final long STORES_AFTER_A_SWAP = 100;
    /** Those that open each other's files. */
    private static final List<String> STORES = List.of("file", "dax");

    private static final int COUNT_HOLDINGS_EVERY = 25;

    private final BundleContext context;
    private final List<Region> regions;
    private final StallMeter meter;
    private final LongSupplier acknowledged;
    private final PrintStream out;
    private long acknowledgedBefore;
    private long acknowledgedAt = System.nanoTime();

    Swapper(BundleContext context, List<Region> regions, StallMeter meter, LongSupplier acknowledged, PrintStream out) {
        this.context = context;
        this.regions = regions;
        this.meter = meter;
        this.acknowledged = acknowledged;
        this.out = out;
    }

    @Override
    public void run() {
        for (int number = 1; ; number++) {
            LockSupport.parkNanos(INTERVAL_NANOSECONDS);
            meter.reset();
            swap();
            awaitWriters();
            out.println("stalled nanoseconds=" + meter.longest());
            if (number % COUNT_HOLDINGS_EVERY == 0) {
                out.println(Holdings.line());
            }
        }
    }

    private void swap() {
        int choice = ThreadLocalRandom.current().nextInt(100);
        if (choice < 35) {
            byRequest("strategy", nameOfOne(Strategy.class, Strategy.PROPERTY));
        } else if (choice < 55) {
            byRequest("vmm", nameOfOne(Vmm.class, Vmm.PROPERTY));
        } else if (choice < 72) {
            byRequest("pagetable", nameOfOne(PageTable.class, PageTable.PROPERTY));
        } else if (choice < 80) {
            byRequest("store", STORES.get(ThreadLocalRandom.current().nextInt(STORES.size())));
        } else {
            replace(choice < 92);
        }
    }

    private <T> String nameOfOne(Class<T> type, String property) {
        return String.valueOf(oneOf(type).getProperty(property));
    }

    private void byRequest(String axis, String name) {
        Region region = regions.get(ThreadLocalRandom.current().nextInt(regions.size()));
        try {
            out.println("swapped gate=" + region.swap(Map.of(axis, name)).gateNanoseconds());
        } catch (RegionException e) {
            out.println("refused " + e.getMessage());
        }
    }

    private <T> ServiceReference<T> oneOf(Class<T> type) {
        try {
            List<ServiceReference<T>> all = List.copyOf(context.getServiceReferences(type, null));
            return all.get(ThreadLocalRandom.current().nextInt(all.size()));
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Stores go on meanwhile, tracked by another provider or by none. */
    private void replace(boolean byStopping) {
        List<Class<?>> axes = List.of(Vmm.class, PageTable.class, Strategy.class);
        Bundle bundle = oneOf(axes.get(ThreadLocalRandom.current().nextInt(axes.size()))).getBundle();
        try {
            if (byStopping) {
                bundle.stop();
                LockSupport.parkNanos(INTERVAL_NANOSECONDS);
                bundle.start();
            } else {
                bundle.update();
            }
            out.println("replaced");
        } catch (BundleException e) {
            throw new IllegalStateException(bundle + ": " + e, e);
        }
    }

    /** Every writer goes on: the one that measures at once, those of the check until their next commit. */
    private void awaitWriters() {
        long start = System.nanoTime();
        for (long stores = meter.stores() + STORES_AFTER_A_SWAP; meter.stores() < stores; ) {
            failIfStuck(start, "the measuring writer");
            Thread.onSpinWait();
        }
        long commits = acknowledged.getAsLong();
        if (commits > acknowledgedBefore) {
            acknowledgedBefore = commits;
            acknowledgedAt = System.nanoTime();
        }
        failIfStuck(acknowledgedAt, "every committing thread");
    }

    private static void failIfStuck(long since, String who) {
        if (System.nanoTime() - since > STUCK_NANOSECONDS) {
            throw new IllegalStateException(who + " is stuck: no progress in 30 s; " + stacks());
        }
    }

    private static String stacks() {
        StringBuilder text = new StringBuilder();
        Thread.getAllStackTraces().forEach((thread, stack) -> text.append(thread).append(Arrays.toString(stack)).append("; "));
        return text.toString();
    }
}
