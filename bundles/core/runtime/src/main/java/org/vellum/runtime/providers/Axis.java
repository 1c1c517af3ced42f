// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.osgi.framework.Constants;
import org.osgi.framework.Filter;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.InvalidSyntaxException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionOptions;

/**
 * The providers of one axis, best first: highest {@code service.ranking}, then by name, so that the order in which bundles are
 * started decides nothing; of several with one name (a bundle that is there in two versions) the lowest {@code service.id}.
 * Not thread-safe.
 */
public final class Axis<T> {
    /** A provider and what its service says about it. */
    public record Offer<T>(T service, String name, int ranking, long id, Map<String, Object> properties) {}

    private static final Comparator<Offer<?>> BEST_FIRST = Comparator.<Offer<?>>comparingInt(Offer::ranking)
            .reversed()
            .thenComparing(Offer::name)
            .thenComparingLong(Offer::id);

    private final String label;
    private final String nameProperty;
    private final String usualBundle;
    private final List<Offer<T>> offers;

    /**
     * @param label what people call the axis, such as {@code page table}
     * @param nameProperty the service property that holds a provider's name
     * @param usualBundle symbolic name of one that provides what works on most hosts, for messages
     */
    Axis(String label, String nameProperty, String usualBundle) {
        this(label, nameProperty, usualBundle, new ArrayList<>());
    }

    private Axis(String label, String nameProperty, String usualBundle, List<Offer<T>> offers) {
        this.label = label;
        this.nameProperty = nameProperty;
        this.usualBundle = usualBundle;
        this.offers = offers;
    }

    /** The axis as it is now; does not follow later changes. */
    Axis<T> snapshot() {
        return new Axis<>(label, nameProperty, usualBundle, List.copyOf(offers));
    }

    /** Adds the provider, or takes over its changed properties. */
    public void put(T service, Map<String, Object> properties) {
        remove(service);
        int ranking = properties.get(Constants.SERVICE_RANKING) instanceof Integer number ? number : 0;
        long id = properties.get(Constants.SERVICE_ID) instanceof Long number ? number : 0;
        String name = String.valueOf(properties.get(nameProperty));
        offers.add(new Offer<>(service, name, ranking, id, Map.copyOf(properties)));
        offers.sort(BEST_FIRST);
    }

    public void remove(T service) {
        offers.removeIf(offer -> offer.service() == service);
    }

    boolean isEmpty() {
        return offers.isEmpty();
    }

    public String label() {
        return label;
    }

    String usualBundle() {
        return usualBundle;
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
        Filter filter;
        try {
            filter = FrameworkUtil.createFilter(selector);
        } catch (InvalidSyntaxException e) {
            throw new InvalidRegionException(
                    label + " selector '" + selector + "' is no LDAP filter: " + e.getMessage() + "; expected '"
                            + RegionOptions.AUTO + "', a provider's name or a filter such as '(" + nameProperty
                            + "=name)'",
                    e);
        }
        return offers.stream()
                .filter(offer -> filter.matches(offer.properties()))
                .toList();
    }

    /** The names of what is there, for messages. */
    String names() {
        return offers.isEmpty() ? "none" : offers.stream().map(Offer::name).collect(Collectors.joining(", "));
    }
}
