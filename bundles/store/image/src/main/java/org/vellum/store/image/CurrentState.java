// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import org.vellum.api.RegionClosedException;

/**
 * The {@link ImageState} that an image is in now: refuses calls that are illegal in it, and transitions that are none.
 */
final class CurrentState {
    private final String region;
    private final Runnable invariants;

    /** Changed by the control thread; others may read it. */
    private volatile ImageState state = ImageState.LOGGED;

    /** @param invariants asserts that what else the image knows agrees with its state */
    CurrentState(String region, Runnable invariants) {
        this.region = region;
        this.invariants = invariants;
    }

    ImageState get() {
        return state;
    }

    boolean is(ImageState other) {
        return state == other;
    }

    void become(ImageState next) {
        assert state.mayBecome(next) : state + " does not become " + next;
        state = next;
        invariants.run();
    }

    /** The state that all that came before in a method must have led to. */
    void assertIn(ImageState legal) {
        assert state == legal : state + " instead of " + legal;
        invariants.run();
    }

    /** @throws RegionClosedException the image is closed */
    void requireOpen() {
        if (!state.isOpen()) {
            throw new RegionClosedException("region '" + region + "': its image is closed");
        }
        invariants.run();
    }

    /** @throws IllegalStateException batches do not go to the log in this state, as the caller must know */
    void requireLogged() {
        requireOpen();
        if (state.isInPlace()) {
            throw new IllegalStateException("region '" + region + "': it is written in place, and has no log");
        }
        if (state == ImageState.DEPARTED) {
            throw new IllegalStateException("region '" + region + "': its image has departed");
        }
    }

    /** @throws IllegalStateException the image is not written in place, as the caller must know */
    void requireInPlace() {
        requireOpen();
        if (!state.isInPlace()) {
            throw new IllegalStateException("region '" + region + "': it is not written in place");
        }
    }
}
