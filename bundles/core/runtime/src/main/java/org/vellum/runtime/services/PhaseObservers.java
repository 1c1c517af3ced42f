// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.services;

import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;

/** Tells every registered observer; costs one array read when there is none. Safe for use by many threads. */
public final class PhaseObservers implements PhaseObserver {
    private static final System.Logger LOGGER = System.getLogger(PhaseObservers.class.getName());

    private final List<PhaseObserver> observers = new CopyOnWriteArrayList<>();

    public void add(PhaseObserver observer) {
        observers.add(observer);
    }

    public void remove(PhaseObserver observer) {
        observers.remove(observer);
    }

    @Override
    public void entered(String region, Phase phase) {
        if (!observers.isEmpty()) {
            tellAll(region, phase, observer -> observer.entered(region, phase));
        }
    }

    @Override
    public void left(String region, Phase phase) {
        if (!observers.isEmpty()) {
            tellAll(region, phase, observer -> observer.left(region, phase));
        }
    }

    @Override
    public void passesThrough(String region, Set<Phase> phases) {
        if (!observers.isEmpty()) {
            tellAll(region, Phase.STORE, observer -> observer.passesThrough(region, phases));
        }
    }

    /** An observer that throws must not break a commit. */
    private void tellAll(String region, Phase phase, Consumer<PhaseObserver> message) {
        for (PhaseObserver observer : observers) {
            try {
                message.accept(observer);
            } catch (RuntimeException e) {
                LOGGER.log(
                        System.Logger.Level.WARNING,
                        "region '" + region + "': phase observer "
                                + observer.getClass().getName() + " failed in phase " + phase
                                + "; the phase goes on without it",
                        e);
            }
        }
    }
}
