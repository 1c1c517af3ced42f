// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.osgi;

import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.vellum.runtime.registry.Regions;

/**
 * The services by which regions can be had: {@link Regions}, on which the region manager and configured regions rest, and the
 * condition. They are registered as soon as a region can be opened, and stay until they are withdrawn.
 *
 * <pre>
 *               nothing is in the way              registered
 *   WANTED ─────────────────────────▶ REGISTERING ────────────▶ REGISTERED
 *    ▲  │                               │      ▲                     │
 *    │  │ withdraw             withdraw │      │ offer      withdraw │
 *    │  │                               ▼      │                     │
 *    │  │                              REVOKED                       │
 *    │  ▼                                 │ registered, taken back   │
 *   WITHDRAWN ◀───────────────────────────┴──────────────────────────┘
 *    └─ offer ─▶ WANTED                                   any ── stop ──▶ STOPPED
 * </pre>
 *
 * Safe for use by many threads. No lock is held while services are registered and unregistered.
 */
final class ServiceOffer {
    private enum State {
        /** Not registered, and to be registered when regions can be opened. */
        WANTED,
        /** A thread is registering them. */
        REGISTERING,
        REGISTERED,
        /** Withdrawn while a thread is registering them: that thread takes them back. */
        REVOKED,
        /** Not registered: something that regions rest on is about to go. */
        WITHDRAWN,
        STOPPED
    }

    private static final System.Logger LOGGER = System.getLogger(ServiceOffer.class.getName());

    private static final Duration LOOK_AGAIN = Duration.ofSeconds(1);
    /** What is missing at the start is not said for so long. */
    private static final Duration SILENCE = Duration.ofSeconds(10);

    private final BundleContext context;
    private final Regions regions;
    private final long begin = System.nanoTime();

    /** Guarded by this, as all below. */
    private State state = State.WANTED;
    /** Withdrawn in the opposite order; not empty in REGISTERED only. */
    private List<ServiceRegistration<?>> registrations = List.of();
    /** Whether {@link #lookNow} is going to be called. */
    private boolean looksAgain;
    /** The last sentence in the log about what is missing. */
    private String said;

    ServiceOffer(BundleContext context, Regions regions) {
        this.context = context;
        this.regions = regions;
    }

    /** Registers the services if regions can be opened, else as soon as they can. */
    void offer() {
        if (!wants()) {
            return;
        }
        Optional<String> obstacle = regions.obstacle();
        if (obstacle.isPresent()) {
            lookAgain(obstacle.get());
            return;
        }
        synchronized (this) {
            if (state != State.WANTED) {
                return;
            }
            state = State.REGISTERING;
        }
        List<ServiceRegistration<?>> registered = register();
        synchronized (this) {
            assert state == State.REGISTERING || state == State.REVOKED || state == State.STOPPED : state;
            if (state == State.REGISTERING) {
                state = State.REGISTERED;
                registrations = registered;
                return;
            }
            if (state == State.REVOKED) {
                state = State.WITHDRAWN;
            }
        }
        unregister(registered);
    }

    /** Whether there is something to be done for it. */
    private synchronized boolean wants() {
        switch (state) {
            case WITHDRAWN -> state = State.WANTED;
            case REVOKED -> state = State.REGISTERING; // the thread that registers them need not take them back
            default -> {}
        }
        return state == State.WANTED;
    }

    private List<ServiceRegistration<?>> register() {
        List<ServiceRegistration<?>> registered = new ArrayList<>();
        registered.add(context.registerService(Regions.class, regions, null));
        try {
            registered.add(RegionsCondition.register(context));
        } catch (NoClassDefFoundError e) {
            LOGGER.log(Level.DEBUG, "this framework has no conditions", e);
        }
        return registered;
    }

    /** What is missing may come without a service's coming, such as a file system that is mounted. */
    @SuppressWarnings("FutureReturnValueIgnored") // the clock logs what fails
    private synchronized void lookAgain(String obstacle) {
        if (System.nanoTime() - begin > SILENCE.toNanos() && !obstacle.equals(said)) {
            said = obstacle;
            LOGGER.log(
                    Level.WARNING,
                    "no region can be opened, and there is no service RegionManager until one can: {0}",
                    obstacle);
        }
        if (!looksAgain) {
            looksAgain = true;
            regions.clock().later(LOOK_AGAIN, this::lookNow);
        }
    }

    private void lookNow() {
        synchronized (this) {
            looksAgain = false;
            if (state != State.WANTED) { // whoever withdrew them offers them again, or a provider that comes does
                return;
            }
        }
        offer();
    }

    /**
     * Withdraws them until they are offered again. When this returns, users have released their regions, and have had their
     * chance to commit.
     */
    void withdraw() {
        withdraw(State.WITHDRAWN);
    }

    /** Withdraws them for good. */
    void stop() {
        withdraw(State.STOPPED);
    }

    private void withdraw(State next) {
        List<ServiceRegistration<?>> registered;
        synchronized (this) {
            registered = registrations;
            registrations = List.of();
            if (next == State.STOPPED) {
                state = State.STOPPED;
            } else if (state == State.REGISTERING || state == State.REVOKED) {
                state = State.REVOKED;
            } else if (state != State.STOPPED) {
                state = next;
            }
        }
        unregister(registered);
    }

    private static void unregister(List<ServiceRegistration<?>> registered) {
        for (int i = registered.size() - 1; i >= 0; i--) {
            registered.get(i).unregister();
        }
    }
}
