// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.nio.ByteBuffer;
import java.util.List;
import org.vellum.api.Region;

/** One of the two things a crash must not break: what is stored, and how to tell whether a recovered image is right. */
interface Check {
    /** Threads, or chains of stores, whose progress is acknowledged. */
    int progressCount();

    /**
     * Looks at a recovered image, from the outside: this knows nothing of logs and epochs but what was acknowledged.
     *
     * @param image the whole region
     * @param epoch the epoch that recovery reports
     * @param acknowledged what must be in it
     * @return a sentence for each violation, with what was expected and what was found; empty if the image is right
     */
    List<String> violations(ByteBuffer image, long epoch, Acknowledged acknowledged);

    /**
     * Stores and commits, forever, from several threads; returns at once. An empty region is set up first.
     *
     * @param acknowledgement is told of each commit that has returned
     * @param workers starts the threads; none ever ends by itself
     */
    void start(Region region, Acknowledgement acknowledgement, Workers workers);

    /** Takes acknowledgements, from any thread. */
    @FunctionalInterface
    interface Acknowledgement {
        /**
         * @param epoch what {@code commit()} returned
         * @param first index of the first thread, or chain of stores, that {@code progress} is about
         * @param progress how far it and the following ones were when that commit was called; none: the epoch alone is
         *     acknowledged
         */
        void committed(long epoch, int first, long... progress);
    }
}
