// SPDX-License-Identifier: Apache-2.0
package org.acme.vellum.providers;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.Region;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Tracking;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The providers of this project among Vellum's, with the packaged bundles. */
class ProvidersIT {
    private static final RegionOptions COUNTING =
            RegionOptions.size("1 MiB").withStore("counting").withStrategy("write-protect");

    @TempDir
    Path folder;

    private Container container(String storage) throws Exception {
        return new Container(
                folder.resolve(storage),
                Map.of(
                        CountingStore.FOLDER,
                        folder.resolve("regions").toString(),
                        "vellum.directory",
                        folder.resolve("files").toString()));
    }

    private static String finding(Container container, String provider, String subject) throws Exception {
        Diagnosis diagnosis = container.service(Diagnosis.class, "(" + provider + "=counting)");
        return diagnosis.examine().stream()
                .filter(finding -> finding.subject().equals(subject))
                .findFirst()
                .orElseThrow()
                .text();
    }

    @Test
    void aRegionInTheStoreIsThereAgainInTheNextContainer() throws Exception {
        try (Container container = container("first")) {
            RegionManager regions = container.service(RegionManager.class, null);
            container.service(Store.class, "(vellum.store=counting)");
            Region region = regions.open("numbers", COUNTING);
            assertEquals("counting", region.status().providers().store());
            region.buffer(0, 8).putLong(0, 42);
            region.commit();
            assertTrue(Files.exists(folder.resolve("regions/numbers.vellum")));
            assertTrue(Integer.parseInt(
                            finding(container, "vellum.store", "synced").split(" ")[0])
                    > 0);
        }
        try (Container container = container("second")) {
            RegionManager regions = container.service(RegionManager.class, null);
            container.service(Store.class, "(vellum.store=counting)");
            Region region = regions.open("numbers", COUNTING);
            assertEquals(42, region.buffer(0, 8).getLong(0));
            region.buffer(0, 8).putLong(0, 43);
            region.rollback();
            assertEquals(42, region.buffer(0, 8).getLong(0));
        }
    }

    @Test
    void anImageMovesToTheStoreAndBackWhileTheRegionIsOpen() throws Exception {
        try (Container container = container("moves")) {
            RegionManager regions = container.service(RegionManager.class, null);
            container.service(Store.class, "(vellum.store=counting)");
            Region region = regions.open("numbers", RegionOptions.size("1 MiB").withStore("file"));
            region.buffer(0, 8).putLong(0, 7);
            region.commit();

            RegionStatus.Swap there = region.swap(Map.of("store", "counting"));
            assertEquals("counting", there.to().store());
            region.buffer(8, 8).putLong(0, 8);
            region.commit();

            assertEquals("file", region.swap(Map.of("store", "file")).to().store());
            assertEquals(7, region.buffer(0, 8).getLong(0));
            assertEquals(8, region.buffer(8, 8).getLong(0));
        }
    }

    @Test
    void aCommitUnderTheStrategyFindsTheStoredPages() throws Exception {
        try (Container container = container("strategy")) {
            RegionManager regions = container.service(RegionManager.class, null);
            PageTable pageTable = container.service(PageTable.class, "(vellum.pagetable=host)");
            pageTable
                    .obstacleTo(Tracking.DIRTY_BIT)
                    .ifPresent(obstacle -> Assumptions.abort("strategy counting: " + obstacle));
            container.service(Strategy.class, "(vellum.strategy=counting)");
            Region region = regions.open(
                    "pages", RegionOptions.size("1 MiB").withStore("file").withStrategy("counting"));
            for (int page = 0; page < 3; page++) {
                region.buffer(page * 4096L, 8).putLong(0, page + 1);
            }
            region.commit();
            assertEquals("3", finding(container, "vellum.strategy", "dirty pages"));
            region.buffer(0, 8).putLong(0, 50);
            region.rollback();
            assertEquals(1, region.buffer(0, 8).getLong(0)); // the commit had the page's content, not its number alone

            String before = finding(container, "vellum.strategy", "dirty pages");
            region.swap(Map.of("strategy", "write-protect"));
            region.buffer(0, 8).putLong(0, 100);
            region.commit();
            assertEquals(before, finding(container, "vellum.strategy", "dirty pages"));
        }
    }
}
