// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The stores in a framework: chosen by name, one file for all of them and for both ways of committing, what each says. */
class StoresIT {
    private static final int SIZE = 256 << 10;

    private static Stack stack;

    @TempDir
    Path folder;

    @BeforeAll
    static void start() {
        stack = Stack.startEmulatingDax();
    }

    @AfterAll
    static void stop() {
        if (stack != null) {
            stack.close();
        }
    }

    private RegionOptions options(String store, String strategy) {
        return RegionOptions.size(SIZE).withDirectory(folder).withStore(store).withStrategy(strategy);
    }

    private static RegionManager regions() {
        return stack.regions();
    }

    private static boolean says(Region region, String beginning) {
        return region.status().remarks().stream().anyMatch(remark -> remark.startsWith(beginning));
    }

    @Test
    void aStoreIsChosenByNameAndTheFileStoreWithoutOne() {
        for (String store : List.of("file", "dax", "memory")) {
            try (Region region = regions().open("by-name-" + store, options(store, "auto"))) {
                assertEquals(store, region.status().providers().store());
            }
        }
        try (Region region = regions().open("by-default", options("auto", "auto"))) {
            assertEquals("file", region.status().providers().store());
        }
        ProviderMissingException missing =
                assertThrows(ProviderMissingException.class, () -> regions().open("none", options("tape", "auto")));
        assertTrue(missing.getMessage().contains("file, dax, memory"), missing.getMessage());
    }

    @Test
    void onlyInterceptedFirstStoresOnMappedMediaAreWrittenInPlace() {
        for (String store : List.of("file", "dax", "memory")) {
            for (String strategy : List.of(StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT)) {
                try (Region region = regions().open("way-" + store, options(store, strategy))) {
                    assertEquals(
                            !store.equals("file") && strategy.equals(StackExtension.WRITE_PROTECT),
                            says(region, "written in place"),
                            store + " " + strategy + ": " + region.status().remarks());
                }
            }
        }
    }

    /** Epochs count on, and the content and the address stay, whoever opens the file next. */
    @Test
    void oneRegionFileServesEveryStoreAndBothStrategies() {
        long[] address = new long[1];
        int turn = 0;
        for (String strategy :
                List.of(StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT, "write-protect", "dirty-bit")) {
            for (String store : List.of("file", "dax", "file", "dax", "dax")) {
                try (Region region = regions().open("shared", options(store, strategy))) {
                    address[0] = turn == 0 ? region.address() : address[0];
                    assertEquals(address[0], region.address());
                    assertEquals(turn, region.status().epoch(), store + " " + strategy);
                    ByteBuffer all = region.buffer(0, SIZE);
                    for (int before = 0; before < turn; before++) {
                        assertEquals(before + 1, all.getLong(before * 5000), store + " " + strategy);
                    }
                    all.putLong(turn * 5000, turn + 1);
                    assertEquals(turn + 1, region.commit());
                    all.putLong(turn * 5000, -1); // never committed
                    turn++;
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dax", "memory"})
    void inPlaceARollbackReturnsToTheLastCommit(String store) {
        try (Region region = regions().open("rolled-back", options(store, StackExtension.WRITE_PROTECT))) {
            ByteBuffer all = region.buffer(0, SIZE);
            all.putLong(0, 1).putLong(SIZE - 8, 1);
            region.commit();
            all.putLong(0, 2).putLong(8192, 2);
            region.rollback();
            assertEquals(1, all.getLong(0));
            assertEquals(0, all.getLong(8192));
            assertThrows(
                    IllegalStateException.class,
                    () -> region.atomically(() -> {
                        all.putLong(0, 3);
                        throw new IllegalStateException();
                    }));
            assertEquals(1, all.getLong(0));
            all.putLong(0, 4);
            assertEquals(2, region.commit());
        }
        try (Region region = regions().open("rolled-back", options(store, StackExtension.DIRTY_BIT))) {
            assertEquals(4, region.buffer(0, 8).getLong(0));
            assertEquals(1, region.buffer(SIZE - 8, 8).getLong(0));
        }
    }

    /** Dirty bits come too late for pre-images, so stores must not reach the home image by themselves any more. */
    @ParameterizedTest
    @ValueSource(strings = {"dax", "memory"})
    void aRegionLeavesItsPlaceForAStrategyThatTakesDirtyBitsAndComesBack(String store) {
        try (Region region = regions().open("leaves", options(store, StackExtension.WRITE_PROTECT))) {
            ByteBuffer all = region.buffer(0, SIZE);
            all.putLong(0, 1);
            region.swap(Map.of("strategy", StackExtension.DIRTY_BIT));
            assertFalse(says(region, "written in place"));
            assertEquals(0, region.status().epoch());
            all.putLong(8192, 2);
            assertEquals(1, region.commit());
            all.putLong(8192, 3);
            region.swap(Map.of("strategy", StackExtension.WRITE_PROTECT));
            assertTrue(says(region, "written in place"));
            assertEquals(3, all.getLong(8192));
            region.rollback();
            assertEquals(2, all.getLong(8192));
        }
        try (Region region = regions().open("leaves", options(store, "auto"))) {
            assertEquals(1, region.buffer(0, 8).getLong(0));
            assertEquals(2, region.buffer(8192, 8).getLong(0));
        }
    }

    /** Every way between two of the three stores, with both strategies; what is not committed comes along. */
    @Test
    void anOpenRegionGoesFromStoreToStore() {
        List<String> way = List.of("dax", "memory", "dax", "file", "memory", "file");
        String name = "travels";
        long epoch = 0;
        try (Region region = regions().open(name, options("file", StackExtension.DIRTY_BIT))) {
            ByteBuffer all = region.buffer(0, SIZE);
            for (int step = 0; step < way.size(); step++) {
                all.putLong(step * 5000, step + 1);
                region.swap(Map.of(
                        "store",
                        way.get(step),
                        "strategy",
                        step % 2 == 0 ? StackExtension.WRITE_PROTECT : StackExtension.DIRTY_BIT));
                assertEquals(way.get(step), region.status().providers().store());
                assertEquals(epoch, region.status().epoch());
                all.putLong(step * 5000 + 8, step + 1);
                epoch = region.commit();
                assertEquals(step + 1, epoch);
            }
        }
        assertFalse(Files.exists(folder.resolve(name + ".vellum.new")));
        try (Region region = regions().open(name, options("file", "auto"))) {
            assertEquals(epoch, region.status().epoch());
            for (int step = 0; step < way.size(); step++) {
                assertEquals(step + 1, region.buffer(step * 5000, 8).getLong(0));
                assertEquals(step + 1, region.buffer(step * 5000 + 8, 8).getLong(0));
            }
        }
    }

    @Test
    void whatIsEmulatedOrSimulatedSaysSoLoudly() {
        try (Region dax = regions().open("loud", options("dax", "auto"));
                Region memory = regions().open("quiet", options("memory", "auto"))) {
            assertTrue(says(dax, "EMULATED: "), dax.status().remarks().toString());
            assertTrue(says(memory, "SIMULATED: "), memory.status().remarks().toString());
        }
        assertTrue(Files.exists(folder.resolve("loud.vellum")));
        assertFalse(Files.exists(folder.resolve("quiet.vellum")));
    }

    @Test
    void memoryKeepsARegionForTheFrameworkAndNoLonger() {
        try (Region region = regions().open("kept", options("memory", "auto"))) {
            region.buffer(0, 8).putLong(0, 7);
            region.commit();
        }
        try (Region region = regions().open("kept", options("memory", "auto"))) {
            assertEquals(7, region.buffer(0, 8).getLong(0));
        }
        try (Stack another = Stack.start();
                Region region = another.regions().open("kept", options("memory", "auto"))) {
            assertEquals(0, region.status().epoch());
        }
    }

    /** The folder for temporary files is not on persistent memory. */
    @Test
    void withoutEmulationAFolderThatIsNotDaxIsRefusedWithTheWayOut() {
        try (Stack strict = Stack.start()) {
            RegionException refusal =
                    assertThrows(RegionException.class, () -> strict.regions().open("refused", options("dax", "auto")));
            assertTrue(refusal.getMessage().startsWith("region 'refused': " + folder), refusal.getMessage());
            assertTrue(refusal.getMessage().contains("dax.emulate=true"), refusal.getMessage());
        }
        assertFalse(Files.exists(folder.resolve("refused.vellum")));
    }
}
