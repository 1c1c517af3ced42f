// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.List;

/**
 * A store with a workload: what a store implements to have all its crashes enumerated.
 *
 * <p>Both methods must do the same whenever they are called with the same: whatever a store draws by chance, its subject
 * draws from a fixed seed, and threads take turns ({@link RecordingMedium.Interceptor}). Images are to be tiny, a few
 * pages, since hundreds of thousands are recovered.
 */
public interface Subject {
    /** For reports, a few words. */
    String name();

    /** The names of all persist points of the store: every call site of a write-back, a fence, or a sync. */
    List<String> persistPoints();

    /** What the workload begins with; by default nothing. */
    default CrashImage initial() {
        return CrashImage.EMPTY;
    }

    /**
     * Runs the workload. Says what may be found by {@link RecordingMedium#begun}, before the first byte of an epoch, and
     * what must be by {@link RecordingMedium#acknowledged}. What a new store holds, as epoch 0, is begun first.
     * Content is whatever the oracle is to compare, as bytes.
     *
     * @param medium begins as {@link #initial}
     */
    void run(RecordingMedium medium) throws Exception;

    /**
     * Recovers what a crash left, with the store's own code, says what was found by {@link RecordingMedium#recovered},
     * exactly once, and ends in order. Between the two it may go on working, as {@link #run} does. Where the crash left no
     * store, the result is that of a new one. What is thrown is a violation: each image must be recoverable.
     *
     * @param medium the crash image; what the recovery does to it is enumerated in turn
     */
    void recover(RecordingMedium medium) throws Exception;

    /** What a recovery may find; by default the committed prefix. */
    default Expectation expectation() {
        return new CommittedPrefix();
    }

    /** Bytes that decide nothing and would make each run's images others. */
    default List<CrashImage.WithoutMeaning> withoutMeaning() {
        return List.of();
    }
}
