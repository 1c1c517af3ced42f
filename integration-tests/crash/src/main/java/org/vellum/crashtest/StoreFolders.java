// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.service.cm.ConfigurationAdmin;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Store;

/** Stores with a folder of their own each, so that a region that is swapped from one to the other moves. */
final class StoreFolders {
    /** Those whose images outlive the process. */
    static final List<String> LASTING = List.of("file", "dax");

    private static final String CONFIGURED = "soak.configured";
    /** Of an image that has gone, and of one that has not come. */
    private static final List<String> ELSEWHERE = List.of("it went to", "a copy that a move has left");

    private static final long POLL_NANOSECONDS = 500_000;
    private static final long PATIENCE_NANOSECONDS = TimeUnit.SECONDS.toNanos(20);

    private final RegionManager regions;

    /** Returns when the stores have their folders; no region may be open. */
    StoreFolders(BundleContext context, ConfigurationAdmin configurations, RegionManager regions, Path parent) {
        this.regions = regions;
        for (String store : LASTING) {
            try {
                configurations
                        .getConfiguration("org.vellum.store." + store, "?")
                        .update(new Hashtable<>(
                                Map.of("directory", parent.resolve(store).toString(), CONFIGURED, true)));
            } catch (IOException e) {
                throw new IllegalStateException("store '" + store + "' cannot be configured: " + e, e);
            }
            await(context, "(&(" + Store.PROPERTY + "=" + store + ")(" + CONFIGURED + "=true))");
        }
    }

    private static void await(BundleContext context, String filter) {
        try {
            while (context.getServiceReferences(Store.class, filter).isEmpty()) {
                LockSupport.parkNanos(POLL_NANOSECONDS);
            }
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Opens the region where its last process left it: who asks for it elsewhere is told that it is not there. */
    Region open(String name, RegionOptions options) {
        List<RegionException> refusals = new ArrayList<>();
        for (String store : places(options.store())) {
            try {
                return openIn(name, options.withStore(store));
            } catch (InvalidRegionException e) {
                if (ELSEWHERE.stream().noneMatch(e.getMessage()::contains)) {
                    throw e;
                }
                refusals.add(e);
            }
        }
        throw new RegionException("it is in no store: " + refusals);
    }

    /** By name always: while one that lasts is not there yet, {@code auto} would be one that forgets. */
    private static List<String> places(String asked) {
        List<String> places = new ArrayList<>(LASTING);
        if (!asked.equals(RegionOptions.AUTO)) {
            places.remove(asked);
            places.add(0, asked);
        }
        return places;
    }

    /** A service can be found a moment before the runtime has been told of it. */
    private Region openIn(String name, RegionOptions options) {
        long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        while (true) {
            try {
                return regions.open(name, options);
            } catch (ProviderMissingException e) {
                if (System.nanoTime() - deadline > 0) {
                    throw e;
                }
                LockSupport.parkNanos(POLL_NANOSECONDS);
            }
        }
    }
}
