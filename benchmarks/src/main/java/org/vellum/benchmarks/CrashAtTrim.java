// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;

/**
 * The process that dies for {@link OpenBenchmark}: commits epochs of random stores until the store begins to trim the
 * log, which is when there is most of it, and is gone in the same moment, without a word to anybody.
 */
final class CrashAtTrim {
    /** The exit status that says it died as planned. */
    static final int STATUS = 77;

    private static final int STORES_AN_EPOCH = 256;

    private CrashAtTrim() {}

    static List<String> arguments(Workbench.Selection selection, Path folder, String strategy, long size) {
        return List.of(
                selection.vmm(),
                selection.pageTable(),
                strategy,
                selection.store(),
                Long.toString(size),
                folder.toString());
    }

    public static void main(String[] arguments) {
        Quiet.regions();
        long size = Long.parseLong(arguments[4]);
        Path folder = Path.of(arguments[5]);
        Workbench workbench = new Workbench(
                folder.getParent(),
                new Workbench.Selection(
                        arguments[0], arguments[1], List.of(arguments[2]), arguments[3], size, Duration.ofMinutes(1)));
        workbench.observe(new PhaseObserver() {
            @Override
            public void entered(String region, Phase phase) {
                if (phase == Phase.TRIM) {
                    Runtime.getRuntime().halt(STATUS);
                }
            }
        });
        Region region = workbench.open(folder, RegionOptions.size(size), arguments[2]);
        long[] workingSet = Epochs.spreadPages(size / RegionMemory.PAGE, 4096, 1);
        Epochs epochs = new Epochs(region, STORES_AN_EPOCH, Epochs.randomOf(workingSet, 2));
        long deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (System.nanoTime() < deadline) {
            epochs.run();
        }
        throw new IllegalStateException("a minute of commits and the log has not been trimmed: " + region.status());
    }
}
