// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Kvm;

/** A thread cannot tell by the clock, or by what the processor says of itself, which mode it is in. */
class GuestModeClockIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"kvm", "host"})
    void theClockNeverJumpsAndTheProcessorStaysTheSame(String vmm) throws Exception {
        Kvm.requireFor(vmm, "theClockNeverJumpsAndTheProcessorStaysTheSame");
        try (ChildProcess child = ChildProcess.start(ClockAndProcessor.class, folder.toString(), vmm)) {
            child.succeed(PATIENCE);
            child.printed().stream()
                    .filter(line -> line.startsWith(ClockAndProcessor.ASKED_IN_GUEST_MODE))
                    .forEach(line -> System.out.println(vmm + " " + line));
        }
    }
}
