// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.testing;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.osgi.framework.Constants;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;

/** A store that only says what it has. */
public final class NamedStore implements Store {
    private final String name;
    private final Path folder;
    public final Set<String> images = new HashSet<>();
    public final Set<String> departed = new HashSet<>();
    public String obstacle;
    public String obstacleToAuto;

    public NamedStore(String name, String folder, String... images) {
        this.name = name;
        this.folder = Path.of(folder);
        this.images.addAll(Set.of(images));
    }

    /** @param durable null: it does not say */
    public Map<String, Object> properties(Boolean durable, int ranking, long id) {
        Map<String, Object> properties = new HashMap<>(
                Map.of(Store.PROPERTY, name, Constants.SERVICE_RANKING, ranking, Constants.SERVICE_ID, id));
        if (durable != null) {
            properties.put(Store.DURABLE_PROPERTY, durable);
        }
        return properties;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public StoreImage open(Request request, PhaseObserver observer) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Presence presence(Request request) {
        if (departed.contains(request.region())) {
            return Presence.ELSEWHERE;
        }
        return images.contains(request.region()) ? Presence.HERE : Presence.ABSENT;
    }

    @Override
    public Optional<String> obstacle() {
        return Optional.ofNullable(obstacle);
    }

    @Override
    public Optional<String> obstacleToAuto(Request request) {
        return Optional.ofNullable(obstacleToAuto);
    }

    @Override
    public Optional<Place> place(Request request) {
        return Optional.of(new Place(name, Optional.of(folder)));
    }
}
