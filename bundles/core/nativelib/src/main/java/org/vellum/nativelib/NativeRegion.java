// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/**
 * One region of the native core. It is open from its creation until {@link #close}; afterwards every other call is an
 * {@link IllegalStateException}. Owned by whoever created it. Used by one thread at a time: the owner's lock excludes
 * others, {@link #close} included.
 */
@ProviderType
public interface NativeRegion extends AutoCloseable {
    /** What a commit in place found; {@code struct vellum_in_place_commit}. */
    record InPlaceCommit(long epoch, long dirtyPages, long gateNanoseconds) {}

    /** What a cut found; {@code struct vellum_cut}. */
    record Cut(long dirtyPages, long changedLines, long batchLength, long gateNanoseconds) {}

    /**
     * What a swap found and cost; {@code struct vellum_swap}.
     *
     * @param refusal null when the new tuple is in force, else the sentence that says why the old one still is
     */
    record Swap(long carriedPages, long gateNanoseconds, String refusal) {}

    /** {@code struct vellum_region_counters}. */
    record Counters(
            long storeFaults,
            long blocksWarmed,
            long blockSize,
            long strategyBytes,
            long pinnedPages,
            long unexplainedPinnedBytes) {

        /** Nothing is pinned. */
        public Counters(long storeFaults, long blocksWarmed, long blockSize, long strategyBytes) {
            this(storeFaults, blocksWarmed, blockSize, strategyBytes, 0, 0);
        }
    }

    /**
     * Puts the first tuple in force. The arguments are addresses of the providers' operations, which stay loaded until
     * another tuple is in force or the region is closed.
     *
     * @return empty when attached, else the sentence that says why not
     */
    Optional<String> attach(long vmm, long pageTable, long strategy);

    /** Puts another tuple in force while threads store. */
    Swap swap(long vmm, long pageTable, long strategy, Relocation relocation);

    /** To no providers at all; never refused without a relocation. */
    Swap degrade(Relocation relocation);

    /**
     * Another home image and another committed view, with the content of those before.
     *
     * @param committed the caller's, and mapped until the region is closed or its home changed again
     * @throws NativeCallException everything is as before
     */
    void changeHome(int homeFile, long homeOffset, long committed);

    /** How much memory {@link #cut} needs: what the largest batch takes, and room to pad it. */
    long batchCapacity();

    /**
     * @param batch address of at least {@link #batchCapacity} bytes of the caller's
     * @return what the cut found and wrote to {@code batch}
     */
    Cut cut(long batch);

    /** The last cut's batch is durable and applied to the committed view. */
    void cutPersisted();

    /** Makes all that is stored so far durable in the home image, and returns when it is. */
    InPlaceCommit commitInPlace();

    /** @return the number of pages returned to the committed content */
    long rollback();

    /** From now on loads go on and stores are refused, until the region is closed. */
    void refuseStores();

    Counters counters();

    /**
     * Waits until no thread is in the region's code, and retires its range. Then committed view, home file and what {@code
     * InPlace} names are the caller's alone. Idempotent.
     */
    @Override
    void close();
}
