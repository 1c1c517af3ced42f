// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;

/**
 * In which store a region is opened.
 *
 * <ol>
 *   <li>A region that exists is opened where it is: every store is asked before anything is created.
 *   <li>A region that no store has, but that was in one before that is not there now, is in that one: it is waited for.
 *   <li>Only then a region is created; without a selector in the best store that is durable, and only when the stores that
 *       are there have been so for a moment, so that the order of bundles does not choose.
 * </ol>
 *
 * <p>{@code auto} takes no store whose content ends with the process, and none that only emulates its medium, whether or not
 * the region is there. Used once, by one thread, which calls into stores.
 */
public final class StoreChoice {
    private final String subject;
    private final String region;
    private final RegionOptions options;
    private final Offers<Store> stores;
    private final Store.Request request;

    /** @param subject what it is for, such as {@code region 'orders'}; messages begin with it */
    StoreChoice(String subject, String region, RegionOptions options, Offers<Store> stores) {
        this.subject = subject;
        this.region = region;
        this.options = options;
        this.stores = stores;
        this.request = new Store.Request(region, options.directory().orElse(null), 0, options.logSize());
    }

    /** Whether the store says of itself that it is durable. */
    static boolean isDurable(Offers.Offer<Store> offer) {
        return Boolean.TRUE.equals(offer.properties().get(Store.DURABLE_PROPERTY));
    }

    /** Why {@code auto} does not take this store, or empty. */
    public static Optional<String> obstacleToAuto(Offers.Offer<Store> offer, Store.Request request) {
        if (isDurable(offer)) {
            return offer.service().obstacleToAuto(request);
        }
        return Optional.of(
                offer.properties().containsKey(Store.DURABLE_PROPERTY)
                        ? "what is committed to it does not outlive the process"
                        : "it does not say that it is durable (service property " + Store.DURABLE_PROPERTY + ")");
    }

    /**
     * The store to open the region in.
     *
     * @param records what was noted of regions before
     * @param settled no provider has come or gone for a while
     * @throws StillStartingException as soon as it is settled the region can be created
     * @throws ProviderMissingException there is no store for it now
     * @throws InvalidRegionException it is in a store that the selector does not allow, or in two
     */
    Store choose(StoreRecords records, boolean settled) {
        List<Offers.Offer<Store>> matching = Providers.required(subject, stores, options.store());
        List<Offers.Offer<Store>> here = new ArrayList<>();
        List<Offers.Offer<Store>> elsewhere = new ArrayList<>();
        for (Offers.Offer<Store> offer : stores.all()) {
            switch (offer.service().presence(request)) {
                case HERE -> here.add(offer);
                case ELSEWHERE -> elsewhere.add(offer);
                default -> {}
            }
        }
        List<Offers.Offer<Store>> found =
                here.stream().filter(matching::contains).toList();
        if (!found.isEmpty()) {
            return whereItIs(found, records);
        }
        elsewhere.retainAll(matching);
        if (!elsewhere.isEmpty()) {
            requireSettled(settled, "the region is in a store that is not there");
            return elsewhere.get(0).service(); // which says where it went
        }
        return forNew(matching, here, records, settled);
    }

    /**
     * The store that a new region would be created in, of a name that no store has.
     *
     * @throws ProviderMissingException there is none
     */
    Store forAnyNew() {
        List<Offers.Offer<Store>> matching = Providers.required(subject, stores, options.store());
        return isAuto() ? bestForAuto(matching) : matching.get(0).service();
    }

    private boolean isAuto() {
        return options.store().equals(RegionOptions.AUTO);
    }

    private Store whereItIs(List<Offers.Offer<Store>> found, StoreRecords records) {
        for (Offers.Offer<Store> other : found) {
            if (!haveTheSameFiles(found.get(0), other)) {
                throw new InvalidRegionException(subject + " is in two stores, " + place(found.get(0)) + " and "
                        + place(other)
                        + "; which is meant nobody but you can know: name its store, and move the files of"
                        + " the other one away");
            }
        }
        List<Offers.Offer<Store>> allowed = isAuto()
                ? found.stream()
                        .filter(offer -> obstacleToAuto(offer, request).isEmpty())
                        .toList()
                : found;
        if (allowed.isEmpty()) {
            Offers.Offer<Store> only = found.get(0);
            String last = lastStore(records);
            throw new ProviderMissingException(subject + ": it is in " + place(only)
                    + ", which 'auto' does not take: "
                    + obstacleToAuto(only, request).orElse("")
                    + (last.isEmpty()
                            ? "; start the bundle of a store that is durable there"
                            : "; it was opened last by store '" + last + "': start the bundle that provides that one")
                    + ", or name store '" + only.name() + "'");
        }
        if (allowed.size() == 1) {
            return allowed.get(0).service();
        }
        String last = lastStore(records);
        return allowed.stream()
                .filter(offer -> offer.name().equals(last))
                .findFirst()
                .orElse(allowed.get(0))
                .service();
    }

    /** Empty: nothing was noted. */
    private String lastStore(StoreRecords records) {
        return records.of(region, request.directory())
                .map(StoreRecords.Entry::store)
                .orElse("");
    }

    @SuppressWarnings("ReferenceEquality") // one service, whatever its offers say
    private boolean haveTheSameFiles(Offers.Offer<Store> one, Offers.Offer<Store> other) {
        if (one == other) {
            return true;
        }
        Optional<Place> first = one.service().place(request);
        Optional<Place> second = other.service().place(request);
        return first.isPresent() && second.isPresent() && first.get().hasFilesOf(second.get());
    }

    private String place(Offers.Offer<Store> offer) {
        return offer.service().place(request).map(Place::toString).orElse("store '" + offer.name() + "'");
    }

    private Store forNew(
            List<Offers.Offer<Store>> matching, List<Offers.Offer<Store>> here, StoreRecords records, boolean settled) {
        if (!isAuto() && !isDurable(matching.get(0))) {
            return matching.get(0).service(); // asked for, and nobody relies on what is kept there
        }
        Optional<Offers.Offer<Store>> other =
                here.stream().filter(StoreChoice::isDurable).findFirst();
        if (other.isPresent()) {
            throw new InvalidRegionException(subject + " exists in " + place(other.get()) + ", and the selector '"
                    + options.store()
                    + "' does not allow that store; none is created beside it. Open it there and swap its"
                    + " store to move it, or move its files away to begin anew");
        }
        Optional<StoreRecords.Entry> record = records.of(region, request.directory());
        if (record.isPresent()) {
            return asNoted(record.get(), matching);
        }
        if (!isAuto()) {
            return matching.get(0).service();
        }
        requireSettled(settled, "stores may still come");
        return bestForAuto(matching);
    }

    /** No store that is there has the region: the one that it was in is not there, or the region is not there any more. */
    private Store asNoted(StoreRecords.Entry noted, List<Offers.Offer<Store>> matching) {
        if (stores.all().stream().noneMatch(offer -> offer.name().equals(noted.store()))) {
            throw new ProviderMissingException(subject + ": it is in store '" + noted.store() + "', as " + noted.file()
                    + " says, and that store is not there; there are: " + stores.names()
                    + "; start the bundle that provides it. To begin anew elsewhere, delete that file");
        }
        return matching.stream()
                .filter(offer -> offer.name().equals(noted.store()))
                .filter(offer -> !isAuto() || obstacleToAuto(offer, request).isEmpty())
                .findFirst()
                .map(Offers.Offer::service)
                .orElseGet(
                        () -> isAuto() ? bestForAuto(matching) : matching.get(0).service());
    }

    private Store bestForAuto(List<Offers.Offer<Store>> candidates) {
        List<String> obstacles = new ArrayList<>();
        for (Offers.Offer<Store> offer : candidates) {
            Optional<String> obstacle = obstacleToAuto(offer, request);
            if (obstacle.isEmpty()) {
                return offer.service();
            }
            obstacles.add("'" + offer.name() + "': " + obstacle.get());
        }
        throw new ProviderMissingException(subject + ": 'auto' takes none of the stores that there are: "
                + obstacles.stream().collect(Collectors.joining("; "))
                + "; start the bundle of a durable store, such as org.vellum.store.file, or name one of these");
    }

    private void requireSettled(boolean settled, String reason) {
        if (!settled) {
            throw new StillStartingException(subject + ": providers are being started, and " + reason);
        }
    }
}
