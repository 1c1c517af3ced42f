// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.registry;

import java.nio.file.Path;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.region.OpenRegion;

/**
 * A name that is taken: by a region, or by one that is being opened.
 *
 * <pre>
 *            begins to choose            has chosen               is open                 its owner knows
 *   WAITING ──────────────────▶ CHOOSING ──────────▶ OPENING ───────────────▶ ANNOUNCED ───────────────▶ OPEN
 *      ▲                           │
 *      └── nothing fits now ───────┘
 * </pre>
 *
 * From any of the first three it may end, because the opening failed; from the last two because the region is closed. Guarded by
 * the lock of the {@link Registry}.
 */
final class Claim {
    /** Which providers the opening thread may be in is said at each. */
    private enum State {
        /** In none: it waits for others to come. */
        WAITING,
        /** In any. */
        CHOOSING,
        /** In those that it has chosen. */
        OPENING,
        /** In those still, for the region is being announced; from now on there is a region. */
        ANNOUNCED,
        /** In none: the region is told of each that goes. */
        OPEN
    }

    private final Owner owner;
    /** As in the options it is opened with, or null. */
    private final Path directory;

    private State state = State.WAITING;
    /** {@link Registry#arrivals} when it chose. */
    private long arrivals;
    /** Null before OPENING, and in OPEN: it must not keep providers alive. */
    private Tuple tuple;
    /** Null before ANNOUNCED. */
    private OpenRegion region;

    Claim(Owner owner, Path directory) {
        this.owner = owner;
        this.directory = directory;
    }

    Owner owner() {
        return owner;
    }

    Path directory() {
        return directory;
    }

    /** Null until it is open. */
    OpenRegion region() {
        return region;
    }

    /** Whether its region is being opened still, by a thread that may be in this provider. */
    boolean mayBeIn(Object provider) {
        return switch (state) {
            case WAITING, OPEN -> false;
            case CHOOSING -> true;
            case OPENING, ANNOUNCED -> tuple.uses(provider);
        };
    }

    boolean isInProviders() {
        return state != State.WAITING && state != State.OPEN;
    }

    /** Whether this is the number of arrivals by which it chose. */
    boolean choseBy(long arrivalsNow) {
        return arrivals == arrivalsNow;
    }

    void chooses(long arrivalsNow) {
        become(State.CHOOSING, State.WAITING);
        arrivals = arrivalsNow;
    }

    void waits() {
        become(State.WAITING, State.CHOOSING);
    }

    void opens(Tuple chosen) {
        become(State.OPENING, State.CHOOSING);
        tuple = chosen;
    }

    void opened(OpenRegion opened) {
        become(State.ANNOUNCED, State.OPENING);
        region = opened;
    }

    void announced() {
        become(State.OPEN, State.ANNOUNCED);
        tuple = null;
    }

    private void become(State next, State from) {
        assert state == from : state + " instead of " + from + " becomes " + next;
        state = next;
    }
}
