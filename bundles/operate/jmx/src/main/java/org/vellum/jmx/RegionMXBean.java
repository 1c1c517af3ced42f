// SPDX-License-Identifier: Apache-2.0
package org.vellum.jmx;

import java.util.Date;
import org.jspecify.annotations.Nullable;

/** An open region as {@code org.vellum:type=Region,name=NAME}; sizes in bytes, times in nanoseconds. */
public interface RegionMXBean {
    /** OPEN, DEGRADED, FAILED or CLOSED. */
    String getState();

    long getSize();

    /** Hexadecimal. */
    String getAddress();

    /** The last durable one. */
    long getEpoch();

    /** VMM, page table, strategy and store. */
    String getProviders();

    long getCommits();

    /** Commits that another thread's made durable. */
    long getCommitsShared();

    long getRollbacks();

    /** First stores that the fault path served. */
    long getStoreFaults();

    long getDirtyPages();

    long getChangedBytes();

    long getLoggedBytes();

    long getLogSize();

    /** How long the last cut stopped the writers. */
    long getLastGateNanoseconds();

    /** Memory of the working image. */
    long getWorkingBytes();

    /** When the latest epoch became durable; null when none did since the region was opened. */
    @Nullable
    Date getLastCommit();

    /** Commits by how long they took: element i counts those of at least 2^i microseconds. */
    long[] getCommitLatencies();

    /** The store that its image is being moved to; null: it is not. */
    @Nullable
    String getMoveStore();

    /** Bytes of the image that are there. */
    long getMoveCopiedBytes();

    /** Sentences an operator should know. */
    String[] getRemarks();

    /** Makes all stores so far durable; returns the epoch. */
    long commit();
}
