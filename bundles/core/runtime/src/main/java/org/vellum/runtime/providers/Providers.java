// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;
import org.vellum.api.provider.Vmm;

/**
 * The providers there are, and which of them fit together on this host. Not thread-safe: the registry guards the one that
 * follows the services, and selects from a {@link #snapshot}.
 */
public final class Providers {
    private final Offers<Vmm> vmms;
    private final Offers<PageTable> pageTables;
    private final Offers<Strategy> strategies;
    private final Offers<Store> stores;

    public Providers() {
        this(
                new Offers<>(Axis.VMM, Vmm.class),
                new Offers<>(Axis.PAGE_TABLE, PageTable.class),
                new Offers<>(Axis.STRATEGY, Strategy.class),
                new Offers<>(Axis.STORE, Store.class));
    }

    private Providers(
            Offers<Vmm> vmms, Offers<PageTable> pageTables, Offers<Strategy> strategies, Offers<Store> stores) {
        this.vmms = vmms;
        this.pageTables = pageTables;
        this.strategies = strategies;
        this.stores = stores;
    }

    public Offers<Vmm> vmms() {
        return vmms;
    }

    public Offers<PageTable> pageTables() {
        return pageTables;
    }

    public Offers<Strategy> strategies() {
        return strategies;
    }

    public Offers<Store> stores() {
        return stores;
    }

    /** Those of one axis. */
    public Offers<?> of(Axis axis) {
        return switch (axis) {
            case VMM -> vmms;
            case PAGE_TABLE -> pageTables;
            case STRATEGY -> strategies;
            case STORE -> stores;
        };
    }

    public Providers snapshot() {
        return new Providers(vmms.snapshot(), pageTables.snapshot(), strategies.snapshot(), stores.snapshot());
    }

    /**
     * Why no region at all can be opened with what there is, a sentence; empty if one can: then there are a VMM backend, a page
     * table and a strategy that fit and work on this host, and a store that does not refuse every folder.
     */
    public Optional<String> obstacle() {
        List<String> missing = Stream.of(Axis.values())
                .filter(axis -> of(axis).isEmpty())
                .map(Providers::missing)
                .toList();
        if (!missing.isEmpty()) {
            return Optional.of(String.join("; ", missing));
        }
        List<String> refusals = new ArrayList<>();
        for (Offers.Offer<Store> offer : stores.all()) {
            Optional<String> refusal = offer.service().obstacle();
            if (refusal.isEmpty()) {
                refusals.clear();
                break;
            }
            refusals.add("store '" + offer.name() + "': " + refusal.get());
        }
        if (!refusals.isEmpty()) {
            return Optional.of("no store works here: " + String.join("; ", refusals) + "; or " + start(Axis.STORE));
        }
        try {
            selectTracking("any region", RegionOptions.existing(), null);
            return Optional.empty();
        } catch (ProviderMissingException e) {
            return Optional.of(e.getMessage());
        }
    }

    private static String missing(Axis axis) {
        return "there is no " + axis.label() + ": " + start(axis);
    }

    private static String start(Axis axis) {
        return "start a bundle that provides one, such as " + axis.usualBundle();
    }

    /**
     * The best tuple that the options allow and that works on this host, for a region that is opened: the highest-ranking VMM
     * backend for which there is a page table for which there is a strategy. Where a strategy that needs dirty bits cannot
     * have them, one that write-protects takes its place, even when the first was asked for by name, and the tuple says so. The
     * store is that of {@link StoreChoice}.
     *
     * @param settled no provider has come or gone for a while
     * @throws ProviderMissingException nothing fits an axis; names the axis, the selector and what is there
     */
    public Tuple select(String region, RegionOptions options, StoreRecords records, boolean settled) {
        String subject = "region '" + region + "'";
        selectTracking(subject, options, null); // before any store is asked
        return selectTracking(
                subject, options, new StoreChoice(subject, region, options, stores).choose(records, settled));
    }

    /** As {@link #select(String, RegionOptions, StoreRecords, boolean)}, for a region that no store has. */
    public Tuple select(String subject, RegionOptions options) {
        return selectTracking(subject, options, new StoreChoice(subject, "example", options, stores).forAnyNew());
    }

    /**
     * The best store that the selector allows.
     *
     * @throws ProviderMissingException there is none; names the selector and what is there
     */
    public Store store(String subject, String selector) {
        return required(subject, stores, selector).get(0).service();
    }

    /** As {@link #select}, for a region whose image is in a store already. */
    public Tuple selectTracking(String subject, RegionOptions options, Store store) {
        List<Offers.Offer<PageTable>> wantedPageTables = required(subject, pageTables, options.pageTable());
        List<Offers.Offer<Strategy>> wantedStrategies = required(subject, strategies, options.strategy());
        List<String> obstacles = new ArrayList<>();
        boolean combinable = false;
        for (Offers.Offer<Vmm> vmm : required(subject, vmms, options.vmm())) {
            for (Offers.Offer<PageTable> pageTable : wantedPageTables) {
                if (!pageTable.service().worksWith(vmm.service())) {
                    continue;
                }
                combinable = true;
                Optional<Choice> choice = strategyOn(pageTable, wantedStrategies, obstacles);
                if (choice.isPresent()) {
                    return new Tuple(
                            vmm.service(),
                            pageTable.service(),
                            choice.get().strategy(),
                            store,
                            choice.get().remarks());
                }
            }
        }
        if (!combinable) {
            throw new ProviderMissingException(subject + ": no page table selected by '"
                    + options.pageTable() + "' works with a VMM backend selected by '" + options.vmm()
                    + "'; there are page tables: " + pageTables.names() + "; VMM backends: " + vmms.names()
                    + (options.vmm().equals(RegionOptions.AUTO)
                                    && options.pageTable().equals(RegionOptions.AUTO)
                            ? "; start the bundle of the other half of a pair: VMM backend 'host' goes with page table"
                                    + " 'host', 'kvm' with 'guest'"
                            : "; start the bundle of one that does, or select 'auto' for one of them"));
        }
        throw new ProviderMissingException(subject + ": no strategy selected by '" + options.strategy()
                + "' works on this host: " + String.join("; ", obstacles) + "; strategies there are: "
                + strategies.names());
    }

    private record Choice(Strategy strategy, List<String> remarks) {}

    /** The first wanted strategy that can track on this page table, else any that can by write protection. */
    private Optional<Choice> strategyOn(
            Offers.Offer<PageTable> pageTable, List<Offers.Offer<Strategy>> wanted, List<String> obstacles) {
        record Obstacle(String strategy, String sentence) {}
        List<Obstacle> passedOver = new ArrayList<>();
        boolean dirtyBitFailed = false;
        List<Offers.Offer<Strategy>> candidates = new ArrayList<>(wanted);
        for (int i = 0; i < candidates.size(); i++) {
            Offers.Offer<Strategy> candidate = candidates.get(i);
            Tracking tracking = candidate.service().tracking();
            Optional<String> obstacle = pageTable.service().obstacleTo(tracking);
            if (obstacle.isEmpty()) {
                List<String> remarks = passedOver.stream()
                        .map(other -> "strategy '" + other.strategy() + "' gives way to '" + candidate.name() + "': "
                                + other.sentence())
                        .toList();
                return Optional.of(new Choice(candidate.service(), remarks));
            }
            passedOver.add(new Obstacle(candidate.name(), obstacle.get()));
            obstacles.add("'" + candidate.name() + "' on page table '" + pageTable.name() + "': " + obstacle.get());
            if (tracking == Tracking.DIRTY_BIT && !dirtyBitFailed) {
                dirtyBitFailed = true;
                strategies.all().stream()
                        .filter(other -> other.service().tracking() == Tracking.WRITE_PROTECT)
                        .filter(other -> !candidates.contains(other))
                        .forEach(candidates::add);
            }
        }
        return Optional.empty();
    }

    static <T> List<Offers.Offer<T>> required(String subject, Offers<T> offers, String selector) {
        List<Offers.Offer<T>> matching = offers.matching(selector);
        if (matching.isEmpty()) {
            throw new ProviderMissingException(subject + ": no " + offers.axis().label() + " matches '" + selector
                    + "'; there are: " + offers.names()
                    + "; start the bundle that provides it (if it is started, the log and "
                    + "'./vellum doctor' say what it misses here), or select another");
        }
        return matching;
    }
}
