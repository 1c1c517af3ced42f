// SPDX-License-Identifier: Apache-2.0
package org.vellum.doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class HostDiagnosisTest {
    @TempDir
    Path processes;

    private String text() {
        return new HostDiagnosis(processes)
                .examine().stream()
                        .map(finding -> finding.subject() + ": " + finding.text())
                        .collect(Collectors.joining("\n"));
    }

    @Test
    void theMachineIsNamed() throws IOException {
        Files.writeString(
                processes.resolve("cpuinfo"),
                "processor\t: 0\nmodel name\t: Acme 9000 @ 3.00GHz\nflags\t\t: fpu hypervisor vme\nprocessor\t: 1\n");
        Files.writeString(processes.resolve("meminfo"), "MemTotal:        8388608 kB\nMemFree:   17 kB\n");
        Files.createDirectories(processes.resolve("sys/vm"));
        Files.writeString(processes.resolve("sys/vm/max_map_count"), "65530\n");
        String text = text();
        assertTrue(text.contains(" of Acme 9000 @ 3.00GHz, in a virtual machine\n"), text);
        assertTrue(text.contains("memory: 8 GiB\n"), text);
        assertTrue(text.contains("mappings a process: 65530 (vm.max_map_count)\n"), text);
        assertTrue(text.contains("kernel: Linux "), text);
    }

    @Test
    void whatTheKernelHidesIsSaidToBeHidden() {
        assertEquals(3, text().split("not tell|not told", -1).length - 1, text());
    }
}
