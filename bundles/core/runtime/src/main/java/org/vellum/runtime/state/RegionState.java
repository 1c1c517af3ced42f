// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.state;

import java.util.Optional;
import org.vellum.api.CommitException;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionStatus.State;
import org.vellum.runtime.services.RegionContext;

/**
 * Whether an open region can be used, and for what.
 *
 * <pre>
 *            what is committed is not known, or not reachable
 *   OPEN ──────────────────────────────────────────────────────▶ FAILED
 *     │                                                             │
 *     │ close                                                 close │
 *     └──────────────────────────▶ CLOSED ◀─────────────────────────┘
 * </pre>
 *
 * In {@link State#FAILED} there are only loads: stores, commits and rollbacks are refused until the region was closed and opened
 * again. ({@link State#DEGRADED} is no state here: the status shows it where something of an open region is missing.)
 *
 * <p>Changed with the region's control lock held, read by anyone.
 */
public final class RegionState {
    private final RegionContext region;
    private volatile State state = State.OPEN;
    /** Why the state is {@link State#FAILED}. */
    private volatile String failure;

    public RegionState(RegionContext region) {
        this.region = region;
    }

    public State get() {
        return state;
    }

    /** Whether stores, commits and rollbacks are possible. */
    public boolean isWritable() {
        return state == State.OPEN;
    }

    public boolean isClosed() {
        return state == State.CLOSED;
    }

    /** Why it failed, if it did; also of a region that was closed since. */
    public Optional<String> failure() {
        return Optional.ofNullable(failure);
    }

    /** @throws RegionClosedException it is closed */
    public void requireOpen() {
        if (state == State.CLOSED) {
            throw new RegionClosedException(region.subject() + " is closed");
        }
    }

    /**
     * For what makes something durable.
     *
     * @throws RegionClosedException it is closed
     * @throws CommitException it has failed
     */
    public void requireCommittable(String operation) {
        requireOpen();
        if (state == State.FAILED) {
            throw new CommitException(refusal(operation));
        }
    }

    /**
     * For a rollback.
     *
     * @throws RegionException it is closed or has failed
     */
    public void requireRollback() {
        requireOpen();
        if (state == State.FAILED) {
            throw new RegionException(refusal("rollback"));
        }
    }

    private String refusal(String operation) {
        return region.subject() + ": " + operation + " refused: " + failure;
    }

    /** control: from now on there are only loads. */
    public void fail(String sentence) {
        assert state != State.CLOSED : "closed, and fails";
        failure = sentence;
        state = State.FAILED;
        region.nativeRegion().refuseStores();
    }

    /** control: from now on there is nothing. */
    public void close() {
        assert state != State.CLOSED : "closed twice";
        state = State.CLOSED;
    }
}
