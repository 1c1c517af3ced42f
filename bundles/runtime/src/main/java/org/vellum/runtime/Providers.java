package org.vellum.runtime;

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
 * The providers there are, and which of them fit together on this host. Not thread-safe; {@link Regions} guards the one
 * that follows the services and selects from a {@link #snapshot}.
 */
final class Providers {
    private final Axis<Vmm> vmms;
    private final Axis<PageTable> pageTables;
    private final Axis<Strategy> strategies;
    private final Axis<Store> stores;

    Providers() {
        this(
                new Axis<>("VMM backend", Vmm.PROPERTY),
                new Axis<>("page table", PageTable.PROPERTY),
                new Axis<>("strategy", Strategy.PROPERTY),
                new Axis<>("store", Store.PROPERTY));
    }

    private Providers(Axis<Vmm> vmms, Axis<PageTable> pageTables, Axis<Strategy> strategies, Axis<Store> stores) {
        this.vmms = vmms;
        this.pageTables = pageTables;
        this.strategies = strategies;
        this.stores = stores;
    }

    Axis<Vmm> vmms() {
        return vmms;
    }

    Axis<PageTable> pageTables() {
        return pageTables;
    }

    Axis<Strategy> strategies() {
        return strategies;
    }

    Axis<Store> stores() {
        return stores;
    }

    Providers snapshot() {
        return new Providers(vmms.snapshot(), pageTables.snapshot(), strategies.snapshot(), stores.snapshot());
    }

    /** Whether every axis has a provider, whatever it can do. */
    boolean complete() {
        return Stream.of(vmms, pageTables, strategies, stores).noneMatch(Axis::isEmpty);
    }

    /**
     * The best tuple that the options allow and that works on this host: the highest-ranking VMM backend for which
     * there is a page table for which there is a strategy. Where a strategy that needs dirty bits cannot have them,
     * one that write-protects takes its place, even when the first was asked for by name, and the tuple says so.
     *
     * @param subject what they are for, such as {@code region 'orders'}; messages begin with it
     * @throws ProviderMissingException nothing fits an axis; names the axis, the selector and what is there
     */
    Tuple select(String subject, RegionOptions options) {
        return selectTracking(subject, options, store(subject, options.store()));
    }

    /**
     * The best store that the selector allows.
     *
     * @throws ProviderMissingException there is none; names the selector and what is there
     */
    Store store(String subject, String selector) {
        return required(subject, stores, selector).get(0).service();
    }

    /** As {@link #select}, for a region whose image is in a store already. */
    Tuple selectTracking(String subject, RegionOptions options, Store store) {
        List<Axis.Offer<PageTable>> wantedPageTables = required(subject, pageTables, options.pageTable());
        List<Axis.Offer<Strategy>> wantedStrategies = required(subject, strategies, options.strategy());
        List<String> obstacles = new ArrayList<>();
        boolean combinable = false;
        for (Axis.Offer<Vmm> vmm : required(subject, vmms, options.vmm())) {
            for (Axis.Offer<PageTable> pageTable : wantedPageTables) {
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
                    + "; select 'auto' for one of them");
        }
        throw new ProviderMissingException(subject + ": no strategy selected by '" + options.strategy()
                + "' works on this host: " + String.join("; ", obstacles) + "; strategies there are: "
                + strategies.names());
    }

    private record Choice(Strategy strategy, List<String> remarks) {}

    /** The first wanted strategy that can track on this page table, else any that can by write protection. */
    private Optional<Choice> strategyOn(
            Axis.Offer<PageTable> pageTable, List<Axis.Offer<Strategy>> wanted, List<String> obstacles) {
        record Obstacle(String strategy, String sentence) {}
        List<Obstacle> passedOver = new ArrayList<>();
        boolean dirtyBitFailed = false;
        List<Axis.Offer<Strategy>> candidates = new ArrayList<>(wanted);
        for (int i = 0; i < candidates.size(); i++) {
            Axis.Offer<Strategy> candidate = candidates.get(i);
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

    private static <T> List<Axis.Offer<T>> required(String subject, Axis<T> axis, String selector) {
        List<Axis.Offer<T>> matching = axis.matching(selector);
        if (matching.isEmpty()) {
            throw new ProviderMissingException(subject + ": no " + axis.label() + " matches '" + selector
                    + "'; there are: " + axis.names() + "; start the bundle that provides it (if it is started, the log and "
                    + "'./vellum doctor' say what it misses here), or select another");
        }
        return matching;
    }
}
