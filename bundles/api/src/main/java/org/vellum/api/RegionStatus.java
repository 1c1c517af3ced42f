// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.vellum.api.dto.RegionDTO;

/**
 * A region at one moment. Counters run since it was opened.
 *
 * @param name its name
 * @param state what it is doing
 * @param size bytes
 * @param address virtual address of the first byte
 * @param epoch the last durable epoch; 0 for a region never committed
 * @param providers the tuple in force
 * @param commits commits that wrote an epoch
 * @param commitsShared commits that found their stores made durable by another thread's
 * @param rollbacks rollbacks
 * @param storeFaults first stores that the fault path served
 * @param dirtyPages pages the cuts found stored to, added up
 * @param changedBytes bytes of the 64-byte lines that had changed, added up
 * @param loggedBytes bytes written to the log, headers and padding included, added up
 * @param logSize bytes the log takes in the store now
 * @param lastGateNanoseconds how long the last cut stopped the writers
 * @param workingBytes memory of the working image's warm blocks, in bytes
 * @param remarks sentences an operator should know: a size that was rounded up, a strategy that had to give way, an
 *     epoch recovered to
 * @param lastSwap the last swap of providers since it was opened
 * @param move the move of its image to another store, while there is one
 * @param sections the open sections and the abandoned ones, oldest first; at most {@value #SHOWN}
 * @param waiting the calls that wait for others now; at most {@value #SHOWN}
 */
public record RegionStatus(
        String name,
        State state,
        long size,
        long address,
        long epoch,
        Providers providers,
        long commits,
        long commitsShared,
        long rollbacks,
        long storeFaults,
        long dirtyPages,
        long changedBytes,
        long loggedBytes,
        long logSize,
        long lastGateNanoseconds,
        long workingBytes,
        List<String> remarks,
        Optional<Swap> lastSwap,
        Optional<Move> move,
        List<OpenSection> sections,
        List<Waiting> waiting) {

    /** Of sections and of waiting calls, so many are shown. */
    public static final int SHOWN = 100;

    /** A status of a region without sections, which nobody waits for. */
    public RegionStatus(
            String name,
            State state,
            long size,
            long address,
            long epoch,
            Providers providers,
            long commits,
            long commitsShared,
            long rollbacks,
            long storeFaults,
            long dirtyPages,
            long changedBytes,
            long loggedBytes,
            long logSize,
            long lastGateNanoseconds,
            long workingBytes,
            List<String> remarks,
            Optional<Swap> lastSwap,
            Optional<Move> move) {
        this(
                name,
                state,
                size,
                address,
                epoch,
                providers,
                commits,
                commitsShared,
                rollbacks,
                storeFaults,
                dirtyPages,
                changedBytes,
                loggedBytes,
                logSize,
                lastGateNanoseconds,
                workingBytes,
                remarks,
                lastSwap,
                move,
                List.of(),
                List.of());
    }

    /** The same for those who exchange data transfer objects. */
    public RegionDTO toDTO() {
        RegionDTO dto = new RegionDTO();
        dto.name = name;
        dto.state = state.name();
        dto.size = size;
        dto.address = address;
        dto.epoch = epoch;
        dto.vmm = providers.vmm();
        dto.pageTable = providers.pageTable();
        dto.strategy = providers.strategy();
        dto.store = providers.store();
        dto.commits = commits;
        dto.commitsShared = commitsShared;
        dto.rollbacks = rollbacks;
        dto.storeFaults = storeFaults;
        dto.dirtyPages = dirtyPages;
        dto.changedBytes = changedBytes;
        dto.loggedBytes = loggedBytes;
        dto.logSize = logSize;
        dto.lastGateNanoseconds = lastGateNanoseconds;
        dto.workingBytes = workingBytes;
        dto.remarks = remarks.toArray(String[]::new);
        dto.moveStore = move.map(Move::store).orElse(null);
        dto.moveCopiedBytes = move.map(Move::copiedBytes).orElse(0L);
        dto.moveTotalBytes = move.map(Move::totalBytes).orElse(0L);
        dto.sections = sections.stream().map(OpenSection::toString).toArray(String[]::new);
        dto.waiting = waiting.stream().map(Waiting::toString).toArray(String[]::new);
        return dto;
    }

    /** The states of a region (the design's section 5). */
    public enum State {
        /** Loads, stores and commits work. */
        OPEN,
        /**
         * No provider tracks stores, or none stores the image, or the image's files were deleted, renamed or replaced: loads
         * and stores work. Without tracking, a commit compares all that could have been stored to; without a store or files,
         * commits are refused. It ends by itself when a provider comes, or the same files are back; the remarks say what is
         * missing.
         */
        DEGRADED,
        /** The committed view or the log is in doubt: loads work, stores and commits are refused until reopened. */
        FAILED,
        /** Closed. */
        CLOSED
    }

    /**
     * A swap of providers under the open region.
     *
     * @param when it was finished
     * @param from the tuple in force before
     * @param to the tuple in force since
     * @param gateNanoseconds how long it stopped the writers
     * @param reason a sentence
     */
    public record Swap(Instant when, Providers from, Providers to, long gateNanoseconds, String reason) {}

    /**
     * An image on its way to another store.
     *
     * @param store the other store's name
     * @param copiedBytes how much of it is there; pages that were changed since count as not copied
     * @param totalBytes the region's size
     */
    public record Move(String store, long copiedBytes, long totalBytes) {
        /** How far it is, 0 to 100. */
        public int percent() {
            return (int) (copiedBytes * 100.0 / totalBytes);
        }
    }

    /**
     * A section that was not closed yet.
     *
     * @param thread who opened it: a thread's name, or its number
     * @param since when
     * @param abandoned why nobody will close it, and commits are refused until somebody decides about its stores; else empty
     */
    public record OpenSection(String thread, Instant since, Optional<String> abandoned) {
        @Override
        public String toString() {
            return "thread '" + thread + "' since " + since
                    + abandoned.map(why -> ", abandoned: " + why).orElse("");
        }
    }

    /**
     * A call that waits.
     *
     * @param operation such as {@code commit()}
     * @param thread whose call it is
     * @param since when it began to wait
     * @param forWhom what it waits for, and whom
     */
    public record Waiting(String operation, String thread, Instant since, String forWhom) {
        @Override
        public String toString() {
            return operation + " of thread '" + thread + "' since " + since + " for " + forWhom;
        }
    }

    /** The names of the providers a region is composed of; {@value #NONE} where there is none. */
    public record Providers(String vmm, String pageTable, String strategy, String store) {
        /** In the place of a provider that is missing. */
        public static final String NONE = "none";

        @Override
        public String toString() {
            return vmm + "/" + pageTable + "/" + strategy + "/" + store;
        }
    }
}
