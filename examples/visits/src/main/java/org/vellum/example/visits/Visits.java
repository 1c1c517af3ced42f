// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.visits;

import java.nio.ByteBuffer;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RequireVellum;

/**
 * Counts how often it was started, in a region that somebody else configures: how large it is, where its files are and
 * which providers it is made of is none of this bundle's business. It starts when the region is there.
 */
@RequireVellum
@Component(
        service = {},
        immediate = true)
public final class Visits {
    @Activate
    public Visits(@Reference(target = "(region.name=visits)") Region region) {
        ByteBuffer counter = region.buffer(0, Long.BYTES);
        counter.putLong(0, counter.getLong(0) + 1);
        region.commit();
        System.out.println("visits: " + counter.getLong(0));
    }
}
