package org.vellum.benchmarks;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.Region;
import org.vellum.benchmarks.Workbench.TemporaryRegion;

/** The one bound of the benchmarks that is no time, so it holds or fails the same on every machine. */
final class LoggedBytesTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"write-protect", "dirty-bit"})
    void oneEightByteStoreLogsAtMost256Bytes(String strategy) {
        try (Workbench workbench = new Workbench(
                        folder,
                        new Workbench.Selection("auto", "auto", List.of(strategy), "auto", 0, Duration.ZERO));
                TemporaryRegion temporary = workbench.create(Workbench.MIB, 0, strategy)) {
            Region region = temporary.region();
            for (int epoch = 1; epoch <= 3; epoch++) {
                long logged = LoggedBytesBenchmark.loggedFor(region, 1, epoch);
                assertTrue(
                        logged > 0 && logged <= LoggedBytesBenchmark.BOUND,
                        "epoch " + epoch + " of one 8-byte store logged " + logged + " bytes");
            }
        }
    }
}
