// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

/** Told now and then, ten times a second at most, how far an enumeration has come. */
@FunctionalInterface
public interface ProgressListener {
    /** Nobody wants to know. */
    ProgressListener NONE = (share, figures) -> {};

    /**
     * Called by the enumerating thread.
     *
     * @param share of the workload's cuts that are done, 0 to 1
     */
    void progress(double share, Figures figures);
}
