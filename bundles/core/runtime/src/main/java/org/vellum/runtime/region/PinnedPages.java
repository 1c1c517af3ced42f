// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.util.ArrayList;
import java.util.List;
import org.vellum.nativelib.NativeRegion;

/** What an operator should know of memory that the kernel has pinned and stores to without Vellum's page tables. */
final class PinnedPages {

    private PinnedPages() {}

    static List<String> remarks(NativeRegion.Counters counters) {
        List<String> remarks = new ArrayList<>();
        if (counters.pinnedPages() > 0) {
            remarks.add(counters.pinnedPages()
                    + " pages of the region are registered with an io_uring (fixed buffers): they"
                    + " are compared at every commit; in a region that is written in place, what is stored through them is"
                    + " not protected by the undo log, so read into other memory there and copy");
        }
        if (counters.unexplainedPinnedBytes() > 0) {
            remarks.add(
                    counters.unexplainedPinnedBytes() / 1024 + " KiB of this process's memory are pinned by something"
                            + " else than an io_uring (VmPin in /proc/self/status; RDMA does it): if they are of a region, what a"
                            + " device stores to them after a commit is in no later one; receive into other memory and copy");
        }
        return remarks;
    }
}
