// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.util.Dictionary;
import java.util.HashMap;
import java.util.Hashtable;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.locks.ReentrantLock;
import org.osgi.annotation.bundle.Capability;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.Designate;
import org.vellum.api.DamagedImageException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.WantedRegion;
import org.vellum.api.WantedRegion.Obstacle;
import org.vellum.runtime.providers.StillStartingException;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.registry.Owner;
import org.vellum.runtime.registry.Regions;

/**
 * A region that a configuration asks for: open, and a service {@link Region}, as long as the configuration is there.
 *
 * <p>A region that cannot be opened is one line in the log, no service, and one of {@link RegionManager#wanted}, until it is
 * open. It is tried again whenever a provider came or a region was closed, and at intervals that grow, for what is in the way
 * may be something else: another process, a file system, an image that is being repaired. Only a configuration that can never
 * be had, and a region that somebody closed, wait until the configuration is changed. A change of selectors only swaps the
 * providers of the open region; any other change opens it anew. Users of the service see it go before the region is closed and
 * may still commit then.
 *
 * <p>Safe for use by many threads.
 */
@Component(
        service = {},
        immediate = true,
        configurationPid = RegionManager.CONFIGURATION_PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE)
@Designate(ocd = RegionConfiguration.class, factory = true)
// registered by hand, so that resolvers (Karaf's, bnd's) have to be told of it
@Capability(
        namespace = "osgi.service",
        attribute = "objectClass:List<String>='org.vellum.api.Region'",
        uses = Region.class)
public final class ConfiguredRegion implements Owner {
    /**
     * What becomes of the wish.
     *
     * <pre>
     *   PURSUED ──opened──▶ OPEN ──what it is made of goes──▶ PURSUED
     *      │                  │
     *      │ can never be had │ somebody closes it
     *      ▼                  ▼
     *   GIVEN UP ──the configuration is changed──▶ PURSUED          any ──the configuration goes──▶ STOPPED
     * </pre>
     */
    private enum State {
        /** Not open, and tried again. */
        PURSUED,
        OPEN,
        GIVEN_UP,
        STOPPED
    }

    private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(15);
    /** While providers are being started. */
    private static final Duration MOMENT = Duration.ofMillis(100);

    private static final System.Logger LOGGER = System.getLogger(ConfiguredRegion.class.getName());

    private final Regions regions;
    private final BundleContext context;
    private final String pid;
    private final Runnable changed = this::tryAgain;

    /**
     * One opening, closing or reopening at a time. Held while services are registered and unregistered, so users'
     * callbacks run under it; providers come and go on other threads without it, see {@link #tryAgain}.
     */
    private final ReentrantLock changing = new ReentrantLock();
    /** Guarded by {@link #changing}, as all below. */
    private Wish wish;

    private Map<String, Object> properties;
    private OpenRegion region;
    private ServiceRegistration<Region> registration;
    private State state = State.PURSUED;
    /** Until the next attempt, if that fails too. */
    private Duration pause = FIRST_PAUSE;

    private Future<?> nextAttempt;
    /** Not null while the region is not open and was tried. */
    private volatile WantedRegion unfulfilled;

    @Activate
    public ConfiguredRegion(
            @Reference Regions regions,
            BundleContext context,
            RegionConfiguration configuration,
            Map<String, Object> properties) {
        this.regions = regions;
        this.context = context;
        this.pid = String.valueOf(properties.get(Constants.SERVICE_PID));
        this.wish = Wish.of(configuration, pid);
        this.properties = properties;
    }

    @Activate
    void start() {
        regions.addChangeListener(changed);
        changing.lock();
        try {
            open();
        } finally {
            changing.unlock();
        }
    }

    @Modified
    void modify(RegionConfiguration configuration, Map<String, Object> changed) {
        Wish next = Wish.of(configuration, pid);
        changing.lock();
        try {
            properties = changed;
            if (next.equals(wish) && registration != null) {
                registration.setProperties(serviceProperties(region.status()));
                return;
            }
            boolean onlySelectorsChanged = wish.withSelectorsOf(next).equals(next);
            wish = next;
            if (onlySelectorsChanged && registration != null && region.isOpen()) {
                reselect();
            } else {
                close();
                pause = FIRST_PAUSE;
                become(State.PURSUED);
                open();
            }
        } finally {
            changing.unlock();
        }
    }

    /** The region stays open and its users keep it: its providers are swapped, where the new selectors allow it. */
    private void reselect() {
        try {
            regions.configure(region, wish.options());
        } catch (RegionException e) {
            LOGGER.log(Level.ERROR, description() + ": " + e.getMessage());
        }
        showProviders();
    }

    private void showProviders() {
        if (registration != null) {
            registration.setProperties(serviceProperties(region.status()));
        }
    }

    @Override
    public void swapped(Region changed) {
        changing.lock();
        try {
            if (changed == region) {
                showProviders();
            }
        } finally {
            changing.unlock();
        }
    }

    @Deactivate
    void stop() {
        regions.removeChangeListener(changed);
        changing.lock();
        try {
            become(State.STOPPED);
            fulfilled();
            close();
        } finally {
            changing.unlock();
        }
    }

    @Override
    public String description() {
        return "configuration " + pid;
    }

    @Override
    public void closing(Region leaving) {
        changing.lock();
        try {
            if (leaving == region) {
                unregister();
                become(State.PURSUED);
            }
        } finally {
            changing.unlock();
        }
    }

    @Override
    public void closed(Region gone) {
        changing.lock();
        try {
            if (gone != region) {
                return;
            }
            unregister();
            region = null;
            if (state == State.PURSUED) {
                pause = FIRST_PAUSE;
                open();
            } else if (state == State.OPEN) {
                become(State.GIVEN_UP);
                unfulfilled(
                        Obstacle.CLOSED,
                        "region '" + wish.name()
                                + "' was closed by somebody who uses it; update its configuration to have"
                                + " it opened again");
            }
        } finally {
            changing.unlock();
        }
    }

    @Override
    public boolean knows(String failure) {
        WantedRegion known = unfulfilled;
        return known != null && known.reason().equals(failure);
    }

    /** The transitions of {@link State}. */
    private void become(State next) {
        boolean legal = switch (next) {
            case PURSUED -> state != State.STOPPED;
            case OPEN -> state == State.PURSUED;
            case GIVEN_UP -> state == State.PURSUED || state == State.OPEN;
            case STOPPED -> true;
        };
        assert legal : state + " becomes " + next;
        state = next;
    }

    private void tryAgain() {
        changing.lock();
        try {
            if (state == State.PURSUED && region == null) {
                open();
            }
        } finally {
            changing.unlock();
        }
    }

    private void open() {
        if (nextAttempt != null) {
            nextAttempt.cancel(false);
            nextAttempt = null;
        }
        RegionOptions options;
        try {
            options = wish.options();
        } catch (RegionException | IllegalArgumentException e) { // the latter: a directory that is no path
            become(State.GIVEN_UP);
            failed(Obstacle.INVALID, e);
            return;
        }
        try {
            region = regions.openNow(wish.name(), options, this);
        } catch (StillStartingException e) {
            unfulfilled(Obstacle.STARTING, e.getMessage());
            nextAttempt = regions.clock().later(MOMENT, this::tryAgain);
            return;
        } catch (RuntimeException | LinkageError e) { // of a provider, perhaps, that is being stopped
            failed(obstacle(e), e);
            nextAttempt = regions.clock().later(pause, this::tryAgain);
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
            return;
        }
        become(State.OPEN);
        pause = FIRST_PAUSE;
        fulfilled();
        registration = context.registerService(Region.class, region, serviceProperties(region.status()));
    }

    private static Obstacle obstacle(Throwable failure) {
        if (failure instanceof ProviderMissingException) {
            return Obstacle.PROVIDER_MISSING;
        }
        if (failure instanceof RegionBusyException) {
            return Obstacle.BUSY;
        }
        return failure instanceof DamagedImageException ? Obstacle.DAMAGED : Obstacle.REFUSED;
    }

    /** Says it in the log, but not again while it stays the same. */
    private void failed(Obstacle obstacle, Throwable failure) {
        String sentence = failure instanceof RegionException || failure instanceof IllegalArgumentException
                ? failure.getMessage()
                : failure.toString();
        if (!knows(sentence)) {
            LOGGER.log(
                    obstacle == Obstacle.PROVIDER_MISSING ? Level.WARNING : Level.ERROR,
                    description()
                            + (obstacle == Obstacle.PROVIDER_MISSING ? " waits: " : " opens no region: ")
                            + sentence);
            LOGGER.log(Level.DEBUG, "because", failure);
        }
        unfulfilled(obstacle, sentence);
    }

    private void unfulfilled(Obstacle obstacle, String reason) {
        WantedRegion before = unfulfilled;
        Instant now = Instant.now();
        unfulfilled = new WantedRegion(
                wish.name(), description(), obstacle, reason, before == null ? now : before.since(), now);
        regions.wants(unfulfilled);
    }

    private void fulfilled() {
        unfulfilled = null;
        regions.wantsNothing(description());
    }

    /** What is configured, but for private properties, and what came of it. */
    private Dictionary<String, Object> serviceProperties(RegionStatus status) {
        Map<String, Object> all = new HashMap<>(properties);
        all.keySet().removeIf(key -> key.startsWith("."));
        all.put(Region.NAME_PROPERTY, status.name());
        all.put("size", status.size());
        all.put("providers", status.providers().toString());
        return new Hashtable<>(all);
    }

    private void close() {
        unregister();
        OpenRegion leaving = region;
        region = null;
        if (leaving != null) {
            try {
                leaving.closeWithoutOwner();
            } catch (RegionException e) {
                LOGGER.log(Level.WARNING, description() + ": " + e.getMessage());
            }
        }
    }

    private void unregister() {
        if (registration != null) {
            registration.unregister();
            registration = null;
        }
    }
}
