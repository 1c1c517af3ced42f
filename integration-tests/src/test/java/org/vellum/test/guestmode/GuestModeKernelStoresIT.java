// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Kvm;
import org.vellum.test.tool.Stack;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

/** System calls of threads that were in guest mode a moment before: what they write is tracked, their waits end. */
class GuestModeKernelStoresIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    @TempDir
    Path folder;

    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource({"kvm, dirty-bit", "kvm, write-protect", "host, dirty-bit", "host, write-protect"})
    void whatTheKernelWroteIsCommittedOrWasRefused(String vmm, String strategy) throws Exception {
        Kvm.requireFor(vmm, "whatTheKernelWroteIsCommittedOrWasRefused");
        try (ChildProcess child = ChildProcess.start(KernelStores.class, folder.toString(), vmm, strategy)) {
            child.await(KernelStores.SPOILT, PATIENCE);
            child.kill();
            child.printed().stream()
                    .filter(line -> line.startsWith(KernelStores.OUTCOME))
                    .forEach(line -> System.out.println(vmm + " " + strategy + " " + line));
        }
        byte[] found = new byte[KernelStores.size()];
        // on the host's page table: an image does not know which VMM wrote it
        try (Stack stack = Stack.start();
                Region region = stack.regions()
                        .open(
                                KernelStores.REGION,
                                RegionOptions.existing().withDirectory(folder).withVmm("host"))) {
            region.buffer(0, found.length).get(0, found);
        }
        assertArrayEquals(Files.readAllBytes(folder.resolve(KernelStores.EXPECTED_FILE)), found);
    }

    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource({"kvm, dirty-bit", "kvm, write-protect", "host, dirty-bit"})
    void waitsAreEndedAsEver(String vmm, String strategy) throws Exception {
        Kvm.requireFor(vmm, "waitsAreEndedAsEver");
        try (ChildProcess child = ChildProcess.start(BlockedCalls.class, folder.toString(), vmm, strategy)) {
            child.succeed(PATIENCE);
        }
    }
}
