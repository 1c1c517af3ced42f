// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

/** What the commits of one region have come to so far. Changed under its transaction lock, read by anyone. */
@SuppressWarnings(
        "NonAtomicVolatileUpdate") // one thread at a time writes, the one that commits or rolls back; any thread reads
public final class CommitStatistics {
    private volatile long epoch;
    private volatile long epochsCommitted;
    private volatile long commitsShared;
    private volatile long rollbacks;
    private volatile long dirtyPages;
    private volatile long changedBytes;
    private volatile long lastGateNanoseconds;

    CommitStatistics(long epoch) {
        this.epoch = epoch;
    }

    /** A cut was made. */
    void cut(CommitScheme.Cut cut) {
        dirtyPages += cut.dirtyPages();
        changedBytes += cut.changedBytes();
        lastGateNanoseconds = cut.gateNanoseconds();
    }

    /** This epoch is durable: a new one, or the last one where nothing had changed. */
    void reached(long durableEpoch) {
        if (durableEpoch != epoch) {
            epoch = durableEpoch;
            epochsCommitted++;
        }
    }

    /** A caller was served by another one's commit. */
    void shared() {
        commitsShared++;
    }

    void rolledBack() {
        rollbacks++;
    }

    /** The last durable one. */
    public long epoch() {
        return epoch;
    }

    public long epochsCommitted() {
        return epochsCommitted;
    }

    public long commitsShared() {
        return commitsShared;
    }

    public long rollbacks() {
        return rollbacks;
    }

    public long dirtyPages() {
        return dirtyPages;
    }

    public long changedBytes() {
        return changedBytes;
    }

    public long lastGateNanoseconds() {
        return lastGateNanoseconds;
    }
}
