// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** On a kernel that lacks what dirty-bit needs, write-protect takes over by itself and the region's status says why. */
class LackingKernelIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final String PROVIDERS = "providers: ";
    private static final String REMARK = "remark: ";
    private static final long SIZE = 1 << 20;

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "async-write-protect, dirty-bit",
        "pagemap-scan,        auto",
        "userfaultfd,         dirty-bit",
        "userfaultfd,         auto",
    })
    void writeProtectTakesOver(String missing, String asked) throws Exception {
        try (ChildProcess child = ChildProcess.start(
                Map.of("VELLUM_HOST_WITHOUT", missing), LackingKernelIT.class, folder.toString(), asked)) {
            assertEquals("host/host/write-protect/file", child.await(PROVIDERS, PATIENCE));
            String remark = child.await(REMARK, PATIENCE);
            assertTrue(remark.contains("'dirty-bit' gives way to 'write-protect'") && remark.contains(missing), remark);
            child.succeed(PATIENCE);
        }
    }

    /** Opens a region, stores into it from two threads, commits, rolls back, and finds the commit when reopened. */
    public static void main(String[] arguments) throws InterruptedException {
        RegionOptions options =
                RegionOptions.size(SIZE).withDirectory(Path.of(arguments[0])).withStrategy(arguments[1]);
        try (Stack stack = Stack.start()) {
            try (Region region = stack.regions().open("region", options)) {
                System.out.println(PROVIDERS + region.status().providers());
                region.status().remarks().forEach(remark -> System.out.println(REMARK + remark));
                ByteBuffer all = region.buffer(0, (int) SIZE);
                List<Thread> writers =
                        List.of(new Thread(() -> fill(all, 0, SIZE / 2)), new Thread(() -> fill(all, SIZE / 2, SIZE)));
                writers.forEach(Thread::start);
                for (Thread writer : writers) {
                    writer.join();
                }
                region.commit();
                all.putLong(8192, -1);
                region.rollback();
                all.putLong(16384, -1); // never committed
            }
            try (Region region = stack.regions().open("region", options)) {
                ByteBuffer all = region.buffer(0, (int) SIZE);
                for (int offset = 0; offset < SIZE; offset += Long.BYTES) {
                    if (all.getLong(offset) != offset + 1) {
                        throw new AssertionError("offset " + offset + " holds " + all.getLong(offset));
                    }
                }
            }
        }
    }

    private static void fill(ByteBuffer all, long from, long to) {
        for (long offset = from; offset < to; offset += Long.BYTES) {
            all.putLong((int) offset, offset + 1);
        }
    }
}
