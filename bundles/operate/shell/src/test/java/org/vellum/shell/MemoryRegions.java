// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

import java.lang.reflect.Proxy;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.vellum.api.CommitException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.WantedRegion;

/** Regions of which there is nothing but what the commands use: a name, a size, an epoch. */
final class MemoryRegions implements RegionManager {
    private final Map<String, Region> open = new TreeMap<>();
    private final Map<String, Long> epochs = new TreeMap<>();
    RegionOptions lastOptions;
    RegionActivity activity;
    boolean diskFull;
    List<WantedRegion> wanted = List.of();
    String pageTable = "host";
    String remark = "the size was rounded up";
    private RegionStatus.Providers providers;
    private RegionStatus.Swap lastSwap;

    @Override
    public Region open(String name, RegionOptions options) {
        lastOptions = options;
        providers = new RegionStatus.Providers("host", pageTable, "dirty-bit", "file");
        epochs.put(name, 0L);
        Region region = (Region) Proxy.newProxyInstance(
                Region.class.getClassLoader(),
                new Class<?>[] {Region.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "name" -> name;
                    case "status" -> status(name, options.size());
                    case "activity" -> activity;
                    case "commit" -> commit(name);
                    case "close" -> close(name);
                    case "swap" -> swap(arguments[0]);
                    default -> throw new UnsupportedOperationException(method.getName());
                });
        open.put(name, region);
        return region;
    }

    private RegionStatus.Swap swap(Object selectors) {
        RegionStatus.Providers before = providers;
        String strategy = String.valueOf(((Map<?, ?>) selectors).get("strategy"));
        if (strategy.equals("hybrid")) {
            throw new ProviderMissingException("no strategy matches 'hybrid'");
        }
        providers = new RegionStatus.Providers("host", pageTable, strategy, "file");
        lastSwap = new RegionStatus.Swap(Instant.EPOCH, before, providers, 45_600, "asked for");
        return lastSwap;
    }

    private Void close(String name) {
        open.remove(name);
        return null;
    }

    private long commit(String name) {
        if (diskFull) {
            throw new CommitException("region '" + name + "': the log cannot grow: No space left on device");
        }
        return epochs.merge(name, 1L, Long::sum);
    }

    private RegionStatus status(String name, long size) {
        return new RegionStatus(
                name,
                RegionStatus.State.OPEN,
                size,
                0x100000000000L,
                epochs.get(name),
                providers,
                epochs.get(name),
                0,
                0,
                12,
                3,
                192,
                1536,
                1 << 20,
                45_600,
                65536,
                List.of(remark),
                Optional.ofNullable(lastSwap),
                Optional.of(new RegionStatus.Move("dax", size / 4, size)));
    }

    @Override
    public List<WantedRegion> wanted() {
        return wanted;
    }

    @Override
    public List<Region> regions() {
        return new ArrayList<>(open.values());
    }

    @Override
    public Optional<Region> region(String name) {
        return Optional.ofNullable(open.get(name));
    }
}
