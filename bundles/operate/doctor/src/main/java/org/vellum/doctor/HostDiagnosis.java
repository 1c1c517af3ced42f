// SPDX-License-Identifier: Apache-2.0
package org.vellum.doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.Quantity;

/** The machine, its kernel and this JVM: what every other finding depends on. */
@Component
public final class HostDiagnosis implements Diagnosis {
    private static final long KIBIBYTE = 1024;

    private final Path processes;

    @Activate
    public HostDiagnosis() {
        this(Path.of("/proc"));
    }

    /** @param processes the kernel's folder {@code /proc} */
    HostDiagnosis(Path processes) {
        this.processes = processes;
    }

    @Override
    public String title() {
        return "Host";
    }

    @Override
    public List<Finding> examine() {
        return List.of(
                Finding.fact(
                        "kernel",
                        System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                                + System.getProperty("os.arch")),
                Finding.fact("processor", processor()),
                Finding.fact(
                        "memory",
                        value("meminfo", "MemTotal")
                                .map(total -> Quantity.bytes(Long.parseLong(total.replace(" kB", "")) * KIBIBYTE))
                                .orElse("not told by the kernel")),
                Finding.fact(
                        "mappings a process",
                        line("sys/vm/max_map_count").orElse("not told by the kernel") + " (vm.max_map_count)"),
                Finding.fact("JVM", System.getProperty("java.vm.name") + " " + Runtime.version()));
    }

    private String processor() {
        String guest = value("cpuinfo", "flags")
                        .filter(flags -> List.of(flags.split(" ")).contains("hypervisor"))
                        .isPresent()
                ? ", in a virtual machine"
                : "";
        return Runtime.getRuntime().availableProcessors() + " of "
                + value("cpuinfo", "model name").orElse("a model the kernel does not tell") + guest;
    }

    private Optional<String> line(String file) {
        return lines(file).stream().findFirst();
    }

    /** The value of the first line {@code key : value}. */
    private Optional<String> value(String file, String key) {
        return lines(file).stream()
                .filter(line -> line.contains(":")
                        && line.substring(0, line.indexOf(':')).strip().equals(key))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst();
    }

    private List<String> lines(String file) {
        try {
            return Files.readAllLines(processes.resolve(file));
        } catch (IOException e) {
            return List.of(); // a container may hide it; the finding says so
        }
    }
}
