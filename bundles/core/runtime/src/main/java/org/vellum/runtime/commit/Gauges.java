// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.util.List;
import org.vellum.nativelib.NativeRegion;
import org.vellum.runtime.services.RegionContext;

/** What the native code and the image of one region said last. Read anew with its control lock held, looked at by anyone. */
public final class Gauges {
    /** @param remarks the image's */
    public record Reading(NativeRegion.Counters counters, long loggedBytes, long logSize, List<String> remarks) {}

    private final RegionContext region;
    private final RegionImage image;
    private volatile Reading last;

    public Gauges(RegionContext region, RegionImage image) {
        this.region = region;
        this.image = image;
        refresh();
    }

    public void refresh() {
        last = new Reading(
                region.nativeRegion().counters(),
                image.loggedBytes(),
                image.image().logSize(),
                image.image().remarks());
    }

    public Reading last() {
        return last;
    }
}
