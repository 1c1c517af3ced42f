// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionOptions;

/**
 * The providers of one axis, best first: highest {@code service.ranking}, then by name, so that the order in which bundles are
 * started decides nothing; of several with one name (a bundle that is there in two versions) the lowest {@code service.id}.
 * Not thread-safe.
 */
public final class Offers<T> {
    /** A provider and what its service says about it. */
    public record Offer<T>(T service, String name, int ranking, long id, Map<String, Object> properties) {}

    /** As in {@code org.osgi.framework.Constants}, which is not there without a framework. */
    private static final String RANKING = "service.ranking";

    private static final String ID = "service.id";

    private static final Comparator<Offer<?>> BEST_FIRST = Comparator.<Offer<?>>comparingInt(Offer::ranking)
            .reversed()
            .thenComparing(Offer::name)
            .thenComparingLong(Offer::id);

    private final Axis axis;
    private final Class<T> service;
    private final List<Offer<T>> offers;

    /** @param service the axis's */
    Offers(Axis axis, Class<T> service) {
        this(axis, service, new ArrayList<>());
        assert axis.service() == service : axis;
    }

    private Offers(Axis axis, Class<T> service, List<Offer<T>> offers) {
        this.axis = axis;
        this.service = service;
        this.offers = offers;
    }

    /** The offers as they are now; does not follow later changes. */
    Offers<T> snapshot() {
        return new Offers<>(axis, service, List.copyOf(offers));
    }

    /** Adds the provider, or takes over its changed properties. */
    public void put(Object provider, Map<String, Object> properties) {
        remove(provider);
        int ranking = properties.get(RANKING) instanceof Integer number ? number : 0;
        long id = properties.get(ID) instanceof Long number ? number : 0;
        String name = String.valueOf(properties.get(axis.nameProperty()));
        offers.add(new Offer<>(service.cast(provider), name, ranking, id, Map.copyOf(properties)));
        offers.sort(BEST_FIRST);
    }

    public void remove(Object provider) {
        offers.removeIf(offer -> offer.service() == provider);
    }

    boolean isEmpty() {
        return offers.isEmpty();
    }

    Axis axis() {
        return axis;
    }

    /** All providers, best first. */
    public List<Offer<T>> all() {
        return List.copyOf(offers);
    }

    /**
     * The providers that a selector matches, best first.
     *
     * @throws InvalidRegionException the selector is a malformed filter
     */
    public List<Offer<T>> matching(String selector) {
        if (selector.equals(RegionOptions.AUTO)) {
            return all();
        }
        if (!selector.startsWith("(")) {
            return offers.stream()
                    .filter(offer -> offer.name().equals(selector))
                    .toList();
        }
        Predicate<Map<String, Object>> filter = LdapFilter.parse(axis, selector);
        return offers.stream().filter(offer -> filter.test(offer.properties())).toList();
    }

    /** The names of what is there, for messages. */
    String names() {
        return offers.isEmpty() ? "none" : offers.stream().map(Offer::name).collect(Collectors.joining(", "));
    }
}
