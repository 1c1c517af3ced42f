// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.CommitException;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.test.tool.Skip;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.vellum.test.stack.Messages.assertNames;

/** A disk that fills up costs a commit, not the region. */
class FullDiskIT {
    private static final int SIZE = 8 << 20;
    private static final String FILE_SYSTEM_SIZE = "size=40m";

    @RegisterExtension
    static final StackExtension STACK = new StackExtension();

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void aCommitFailsOnAFullDiskAndALaterOneSucceeds(String strategy) throws Exception {
        String obstacle = Mount.obstacle().orElse(null);
        Skip.unless(obstacle == null, "aCommitFailsOnAFullDiskAndALaterOneSucceeds", obstacle);
        byte[] first = random(1);
        byte[] second = random(2);
        try (Mount mount = Mount.mount(folder.resolve("small"), FILE_SYSTEM_SIZE)) {
            Path regions = mount.point().resolve("regions");
            RegionOptions options = RegionOptions.size(SIZE)
                    .withDirectory(regions)
                    .withLogSize(1 << 20)
                    .withStrategy(strategy);
            long epoch;
            try (Region region = STACK.regions().open("orders", options)) {
                region.buffer(0, 4096).put(0, first, 0, 4096);
                epoch = region.commit();

                Path filler = fill(mount.point());
                region.buffer(0, SIZE).put(0, second);
                CommitException failure = assertThrows(CommitException.class, region::commit);
                assertNames(failure, "orders", regions.toString(), "no space left on device");
                assertEquals(RegionStatus.State.OPEN, region.status().state());
                assertEquals(epoch, region.status().epoch());
                assertContent(second, region);

                Files.delete(filler);
                epoch = region.commit();
                assertContent(second, region);
            }
            try (Region region = STACK.regions().open("orders", options)) {
                assertEquals(epoch, region.status().epoch());
                assertContent(second, region);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void afterACommitThatFailedOnAFullDiskTheImageHoldsTheOneBefore(String strategy) throws Exception {
        String obstacle = Mount.obstacle().orElse(null);
        Skip.unless(obstacle == null, "afterACommitThatFailedOnAFullDiskTheImageHoldsTheOneBefore", obstacle);
        byte[] first = random(1);
        try (Mount mount = Mount.mount(folder.resolve("small"), FILE_SYSTEM_SIZE)) {
            RegionOptions options = RegionOptions.size(SIZE)
                    .withDirectory(mount.point().resolve("regions"))
                    .withLogSize(1 << 20)
                    .withStrategy(strategy);
            Path filler;
            try (Region region = STACK.regions().open("orders", options)) {
                region.buffer(0, 4096).put(0, first, 0, 4096);
                region.commit();
                filler = fill(mount.point());
                region.buffer(0, SIZE).put(0, random(2));
                assertThrows(CommitException.class, region::commit);
                region.rollback();
                assertHolds(first, region);
            }
            Files.delete(filler);
            try (Region region = STACK.regions().open("orders", options)) {
                assertHolds(first, region);
            }
        }
    }

    private static byte[] random(long seed) {
        byte[] bytes = new byte[SIZE];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static void assertContent(byte[] expected, Region region) {
        byte[] content = new byte[SIZE];
        region.buffer(0, SIZE).get(0, content);
        assertArrayEquals(expected, content);
    }

    /** The first page of {@code expected} and zeroes behind it. */
    private static void assertHolds(byte[] expected, Region region) {
        byte[] image = new byte[SIZE];
        System.arraycopy(expected, 0, image, 0, 4096);
        assertContent(image, region);
    }

    /** Takes every byte that is left. */
    private static Path fill(Path fileSystem) throws IOException {
        Path filler = fileSystem.resolve("filler");
        try (FileChannel channel = FileChannel.open(filler, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (int step : new int[] {1 << 20, 4096, 1}) {
                try {
                    while (true) {
                        channel.write(ByteBuffer.allocate(step));
                    }
                } catch (IOException e) {
                    // full for steps of this size
                }
            }
        }
        return filler;
    }
}
