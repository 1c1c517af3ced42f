// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

final class YardstickFileTest {
    private static final int LENGTH = 64;

    /** Room for three writes and a bit. */
    private static final int LIMIT = 200;

    @TempDir
    Path folder;

    @Test
    void eachAppendMakesTheFileLongerUntilItStartsOverEmpty() throws IOException {
        Path path = folder.resolve("growing");
        try (YardstickFile file = YardstickFile.growing(path, LENGTH, LIMIT)) {
            long[] sizes = new long[5];
            for (int i = 0; i < sizes.length; i++) {
                file.run();
                sizes[i] = Files.size(path);
            }
            assertArrayEquals(new long[] {64, 128, 192, 64, 128}, sizes);
        }
    }

    @Test
    void overwritesGoThroughTheFileInPlacesOfTheirOwnAndLeaveItsSize() throws IOException {
        Path path = Files.write(folder.resolve("prepared"), new byte[LIMIT]);
        try (YardstickFile file = YardstickFile.prepared(path, LENGTH, LIMIT)) {
            for (int i = 0; i < 3; i++) {
                file.run();
            }
            ByteBuffer firstPass = ByteBuffer.wrap(Files.readAllBytes(path));
            file.run();
            ByteBuffer secondPass = ByteBuffer.wrap(Files.readAllBytes(path));

            assertEquals(LIMIT, secondPass.capacity());
            for (int place = 0; place < 3 * LENGTH; place += LENGTH) {
                assertNotEquals(0, firstPass.getLong(place), "nothing was written at " + place);
            }
            assertNotEquals(firstPass.getLong(0), secondPass.getLong(0), "the fourth write begins at the start again");
            assertEquals(firstPass.position(LENGTH), secondPass.position(LENGTH), "and writes nothing else");
        }
    }
}
