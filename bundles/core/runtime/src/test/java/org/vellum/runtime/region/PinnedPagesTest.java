// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.vellum.nativelib.NativeRegion.Counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PinnedPagesTest {

    @Test
    void thereIsNothingToSayWhereNothingIsPinned() {
        assertEquals(List.of(), PinnedPages.remarks(new Counters(1, 2, 3, 4)));
    }

    @Test
    void pagesOfTheRegionAndOfOthersAreTold() {
        List<String> remarks = PinnedPages.remarks(new Counters(1, 2, 3, 4, 5, 8192));
        assertEquals(2, remarks.size());
        assertTrue(remarks.get(0).startsWith("5 pages of the region "), remarks.get(0));
        assertTrue(remarks.get(1).startsWith("8 KiB of this process's memory "), remarks.get(1));
    }
}
