// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.StoreImage;

/**
 * How the epochs of one region become durable. There are two schemes: by a log of what changed ({@link RedoScheme}), and in
 * place, with a log of what was there before ({@link InPlaceScheme}).
 *
 * <p>Each call is made with the region's control lock held, {@link #cut} and {@link #rollback} with no section open too.
 */
public interface CommitScheme {
    /**
     * What a cut found.
     *
     * @param dirtyPages pages stored to since the last commit
     * @param changedBytes bytes of them that the commit makes durable
     * @param gateNanoseconds how long no store went on
     */
    record Cut(long dirtyPages, long changedBytes, long gateNanoseconds) {}

    /** A commit or rollback that did not come about; the message is for the application. */
    final class Failure extends Exception {
        private static final long serialVersionUID = 1;

        private final boolean endsStores;

        /** @param endsStores nothing more can be made durable: the region must be closed and opened again */
        Failure(String sentence, Throwable cause, boolean endsStores) {
            super(sentence, cause);
            this.endsStores = endsStores;
        }

        public boolean endsStores() {
            return endsStores;
        }
    }

    /** The instant at which the epoch ends. When it returns, sections may be opened again. */
    Cut cut() throws Failure;

    /** Shows each page of which the last cut took something, by its number; called between it and {@link #complete}. */
    void pagesOfCut(LongConsumer page);

    /**
     * Makes what the last cut took durable, and brings the committed content up to it.
     *
     * @return the last durable epoch: the same as before when nothing had changed
     * @throws Failure the stores stay uncommitted, and are part of the next cut
     */
    long complete() throws Failure;

    /** Takes back, durably, what a failed {@link #complete} may have left behind. Does nothing when there is nothing. */
    void forgetFailed() throws Failure;

    /** Returns the region to its committed content, durably where stores reach the home image by themselves. */
    void rollback();

    /** Bytes written to a log since the region was opened, headers and padding included. */
    long loggedBytes();

    /** The phases in which a crash can find such a region; see {@link org.vellum.api.provider.PhaseObserver}. */
    Set<Phase> phases();

    /** Sentences for the region's status. */
    List<String> remarks();

    /**
     * Ends the region: after it nothing is mapped, and its addresses answer nobody. Uncommitted stores are gone. The
     * image is closed by whoever opened it.
     */
    void close();

    /** The image that this scheme writes. */
    StoreImage image();

    /** Whether the application stores to the home image itself. Then {@link #changeImage} does not work. */
    boolean isInPlace();

    /**
     * From now on this scheme writes another image of the same committed content. Nothing was cut that is not complete.
     */
    void changeImage(StoreImage next);

    /**
     * The region has gone on to another scheme, in one native call: releases what is this one's. Batches can be persisted
     * from now on.
     *
     * @throws org.vellum.api.RegionException the medium failed: the image cannot be committed to before it is opened again
     */
    void release();
}
