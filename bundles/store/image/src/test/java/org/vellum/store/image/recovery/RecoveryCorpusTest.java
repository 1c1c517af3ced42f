// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** Replays what fuzzing found worth keeping, and a little that it did not. */
@Tag("slow")
class RecoveryCorpusTest {
    private static final Path CORPUS = Path.of("src/test/fuzz/recovery");
    private static final Duration NO_HANG = Duration.ofSeconds(20);

    static Stream<Path> corpus() throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(CORPUS)) {
            files = all.sorted().toList();
        }
        assertTrue(files.size() > 50, "the corpus is missing");
        return files.stream();
    }

    @ParameterizedTest
    @MethodSource("corpus")
    void holdsForAKeptInput(Path input) throws IOException {
        byte[] program = Files.readAllBytes(input);
        Assertions.assertTimeoutPreemptively(NO_HANG, () -> RecoveryFuzzTarget.fuzzerTestOneInput(program));
    }

    @Test
    void holdsForEveryMomentWithoutDamage() {
        for (int seed = 0; seed < 256; seed++) {
            RecoveryFuzzTarget.fuzzerTestOneInput(new byte[] {(byte) seed});
        }
    }

    @Test
    void holdsForRandomMutations() {
        Random random = new Random(4);
        for (int i = 0; i < 3000; i++) {
            byte[] program = new byte[random.nextInt(40) + 2];
            random.nextBytes(program);
            RecoveryFuzzTarget.fuzzerTestOneInput(program);
        }
    }
}
