// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.votes;

import java.nio.ByteBuffer;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RequireVellum;
import org.vellum.api.Section;

/** Counts votes, a word a candidate, and all of them in the first word. Methods may be called by any thread. */
@RequireVellum
@Component(service = Votes.class, immediate = true) // else it would close the region whenever nobody uses the service
public final class Votes {
    private static final int CANDIDATES = 100;

    private final Region region;
    private final ByteBuffer words;

    @Activate
    public Votes(@Reference RegionManager regions) {
        // created the first time; recovered after a crash
        region = regions.open("votes", RegionOptions.size("1 MiB"));
        words = region.buffer(0, (1 + CANDIDATES) * Long.BYTES);
    }

    /** Adds a vote to the next commit. */
    @SuppressWarnings("try") // the section is for its begin and end alone
    public void cast(int candidate) {
        // a commit has both words or neither, because it waits until no section is open
        try (Section section = region.section()) {
            // sections of several threads run side by side, so what two of them change needs a lock, as in any memory
            synchronized (words) {
                add(0);
                add(1 + candidate);
            }
        }
    }

    /** Makes every vote that was cast durable, atomically, and returns when that is done. */
    public void commit() {
        region.commit();
    }

    /** All votes. */
    public long total() {
        return words.getLong(0);
    }

    /** The votes of one candidate. */
    public long of(int candidate) {
        return words.getLong((1 + candidate) * Long.BYTES);
    }

    @Deactivate
    public void close() {
        region.close();
    }

    private void add(int word) {
        words.putLong(word * Long.BYTES, words.getLong(word * Long.BYTES) + 1);
    }
}
