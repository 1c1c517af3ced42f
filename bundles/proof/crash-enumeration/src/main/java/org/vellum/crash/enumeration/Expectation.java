// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

/** The oracle: told of every marker in order, it knows what a recovery may find at each moment. */
public interface Expectation {
    /** The next marker. */
    void observe(Event.Marker marker);

    /**
     * Judges what a crash at this moment left.
     *
     * @return null if that may be, else a sentence: what was found and what would have been right
     */
    String violation(long epoch, byte[] content);

    /** An expectation that goes on from here by itself. */
    Expectation copy();
}
