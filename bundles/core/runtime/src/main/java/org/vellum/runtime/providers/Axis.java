// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.util.function.Function;
import java.util.stream.Stream;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;

/** What can vary in a region, each behind a service of its own. */
public enum Axis {
    VMM("vmm", "VMM backend", Vmm.class, Vmm.PROPERTY, "org.vellum.vmm.host", RegionOptions::vmm),
    PAGE_TABLE(
            "pagetable",
            "page table",
            PageTable.class,
            PageTable.PROPERTY,
            "org.vellum.pagetable.host",
            RegionOptions::pageTable),
    STRATEGY(
            "strategy",
            "strategy",
            Strategy.class,
            Strategy.PROPERTY,
            "org.vellum.strategy.dirtybit",
            RegionOptions::strategy),
    STORE("store", "store", Store.class, Store.PROPERTY, "org.vellum.store.file", RegionOptions::store);

    private final String key;
    private final String label;
    private final Class<?> service;
    private final String nameProperty;
    private final String usualBundle;

    @SuppressWarnings("ImmutableEnumChecker") // a method reference
    private final Function<RegionOptions, String> selector;

    Axis(
            String key,
            String label,
            Class<?> service,
            String nameProperty,
            String usualBundle,
            Function<RegionOptions, String> selector) {
        this.key = key;
        this.label = label;
        this.service = service;
        this.nameProperty = nameProperty;
        this.usualBundle = usualBundle;
        this.selector = selector;
    }

    /**
     * The axis of a key.
     *
     * @throws InvalidRegionException there is none
     */
    public static Axis of(String key) {
        return Stream.of(values())
                .filter(axis -> axis.key.equals(key))
                .findFirst()
                .orElseThrow(() -> new InvalidRegionException(
                        "there is no axis '" + key + "'; expected one of " + String.join(", ", RegionOptions.AXES)));
    }

    /** What selectors and configurations call it: one of {@link RegionOptions#AXES}. */
    public String key() {
        return key;
    }

    /** What people call it, such as {@code page table}. */
    public String label() {
        return label;
    }

    /** The interface that its providers are registered by. */
    public Class<?> service() {
        return service;
    }

    /** The service property that holds a provider's name. */
    public String nameProperty() {
        return nameProperty;
    }

    /** Symbolic name of a bundle that provides what works on most hosts, for messages. */
    public String usualBundle() {
        return usualBundle;
    }

    /** The selector that the options have for it. */
    public String selectorOf(RegionOptions options) {
        return selector.apply(options);
    }

    /** The options with another selector for it. */
    public RegionOptions select(RegionOptions options, String other) {
        return options.withSelector(key, other);
    }
}
