// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

/** Is told what becomes of an open region. */
public interface RegionListener {
    /**
     * It is composed of other providers now. Called without locks, by the thread that changed it.
     *
     * @param otherStore its image is in another store, or in none
     */
    void swapped(OpenRegion region, boolean otherStore);

    /** It uses nothing any more. Called once, under the region's locks. */
    void released(OpenRegion region);

    /** It was closed. Called once, after {@link #released}, without locks. */
    void closed(OpenRegion region);
}
