// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Kvm;

/** Going in and out of guest mode leaves nothing behind: no vCPU, no file, no memory slot, no mapping. */
class GuestModeLeakIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"dirty-bit", "write-protect"})
    void aThousandTransitionsInEachOfEightThreadsLeaveNothingBehind(String strategy) throws Exception {
        Kvm.requireFor(Kvm.NAME, "aThousandTransitionsInEachOfEightThreadsLeaveNothingBehind");
        try (ChildProcess child = ChildProcess.start(LeakProbe.class, folder.toString(), strategy)) {
            child.succeed(PATIENCE);
            child.printed().stream()
                    .filter(line -> line.startsWith("progress: "))
                    .forEach(line -> System.out.println(strategy + " " + line));
        }
    }
}
