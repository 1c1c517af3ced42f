// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.Region;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.vellum.test.stack.Messages.assertNames;

/** A framework that is stopped and started again in one JVM: new class loaders, the native dispatcher stays. */
class RestartInOneJvmIT {
    private static final int SIZE = 1 << 20;
    private static final int MANY = 8;
    private static final int SIZE_OF_MANY = 16 << 20;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void aFrameworkStartedAgainFindsTheDataAtTheSameAddress(String strategy) {
        RegionOptions options = RegionOptions.size(SIZE).withDirectory(folder).withStrategy(strategy);
        long address = 0;
        long epoch = 0;
        for (int start = 1; start <= 3; start++) {
            try (Stack stack = Stack.start()) {
                Region region = stack.regions().open("orders", options);
                assertEquals(epoch, region.status().epoch());
                address = start == 1 ? region.address() : address;
                assertEquals(address, region.address());
                ByteBuffer buffer = region.buffer(0, SIZE);
                assertEquals(start - 1, buffer.getLong(SIZE / 2));
                buffer.putLong(SIZE / 2, start);
                epoch = region.commit();
                buffer.putLong(SIZE / 2, -1);
            }
        }
    }

    @Test
    void stoppingTheFrameworkClosesItsRegions() {
        List<Region> regions = new ArrayList<>();
        long began;
        try (Stack stack = Stack.start()) {
            for (int i = 0; i < MANY; i++) {
                Region region = stack.regions()
                        .open("orders-" + i, RegionOptions.size(SIZE_OF_MANY).withDirectory(folder));
                regions.add(region);
                storeToEveryPage(region, 1);
                region.commit();
                storeToEveryPage(region, 2);
            }
            began = System.nanoTime();
        }
        System.out.println("framework with " + MANY + " open regions of " + (SIZE_OF_MANY >> 20)
                + " MiB, every page stored to: stopped in " + (System.nanoTime() - began) / 1_000_000 + " ms");
        for (Region region : regions) {
            assertFalse(region.isOpen());
            assertNames(Assertions.assertThrows(RegionClosedException.class, region::commit), region.name());
        }
    }

    private static void storeToEveryPage(Region region, long value) {
        ByteBuffer buffer = region.buffer(0, SIZE_OF_MANY);
        for (int page = 0; page < SIZE_OF_MANY; page += 4096) {
            buffer.putLong(page, value);
        }
    }
}
