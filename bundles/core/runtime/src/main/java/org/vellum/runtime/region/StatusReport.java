// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.util.ArrayList;
import java.util.List;
import org.vellum.api.RegionStatus;
import org.vellum.api.RegionStatus.State;
import org.vellum.runtime.commit.CommitPath;
import org.vellum.runtime.commit.CommitStatistics;
import org.vellum.runtime.commit.Gauges;
import org.vellum.runtime.commit.RegionImage;
import org.vellum.runtime.services.RegionContext;
import org.vellum.runtime.state.RegionLocks;
import org.vellum.runtime.state.RegionState;
import org.vellum.runtime.swap.Composition;
import org.vellum.runtime.swap.Move;

/**
 * The status of one region. While a commit or rollback runs, counts of the store and of the native side may be a second old,
 * because it never waits for one. Safe for use by many threads.
 */
final class StatusReport {
    private final RegionContext region;
    /** Of the opening. */
    private final List<String> remarks;

    private final RegionLocks locks;
    private final RegionState state;
    private final RegionImage image;
    private final Gauges gauges;
    private final CommitPath commits;
    private final Composition composition;
    /** Set when the region is closed. */
    private volatile RegionStatus last;

    StatusReport(
            RegionContext region,
            List<String> remarks,
            RegionLocks locks,
            RegionState state,
            RegionImage image,
            Gauges gauges,
            CommitPath commits,
            Composition composition) {
        this.region = region;
        this.remarks = List.copyOf(remarks);
        this.locks = locks;
        this.state = state;
        this.image = image;
        this.gauges = gauges;
        this.commits = commits;
        this.composition = composition;
    }

    RegionStatus now() {
        if (last != null) {
            return last;
        }
        if (locks.control().acquireAtOnce("status()")) {
            try {
                if (last != null) {
                    return last;
                }
                gauges.refresh();
            } finally {
                locks.control().release();
            }
        }
        return in(state.get());
    }

    /** control: the region is about to be closed, and this is what is said of it from then on. */
    void keepLast() {
        gauges.refresh();
        last = in(State.CLOSED);
    }

    private RegionStatus in(State stateNow) {
        Gauges.Reading seen = gauges.last();
        CommitStatistics statistics = commits.statistics();
        boolean closed = stateNow == State.CLOSED;
        return new RegionStatus(
                region.name(),
                stateNow == State.OPEN && isDegraded() ? State.DEGRADED : stateNow,
                region.size(),
                region.base(),
                statistics.epoch(),
                composition.inForce().names(),
                statistics.epochsCommitted(),
                statistics.commitsShared(),
                statistics.rollbacks(),
                seen.counters().storeFaults(),
                statistics.dirtyPages(),
                statistics.changedBytes(),
                seen.loggedBytes(),
                seen.logSize(),
                statistics.lastGateNanoseconds(),
                seen.counters().blocksWarmed() * seen.counters().blockSize(),
                sentences(seen, closed),
                composition.inForce().last(),
                composition.move().map(Move::progress),
                closed ? List.of() : locks.sections().status(),
                locks.waits().status());
    }

    private boolean isDegraded() {
        return !composition.inForce().isTracked()
                || image.missing().isPresent()
                || commits.lost().isPresent();
    }

    private List<String> sentences(Gauges.Reading seen, boolean closed) {
        List<String> sentences = new ArrayList<>(remarks);
        sentences.addAll(composition.inForce().remarks());
        sentences.addAll(image.remarks());
        sentences.addAll(seen.remarks());
        if (!closed) {
            locks.sections().remark().ifPresent(sentences::add);
        }
        commits.lost().ifPresent(sentences::add);
        sentences.addAll(PinnedPages.remarks(seen.counters()));
        state.failure().ifPresent(sentences::add);
        return List.copyOf(sentences);
    }
}
