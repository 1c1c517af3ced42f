// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.dax;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What the platform keeps through a power cut, as the kernel tells it of every region of persistent memory.
 *
 * @param domains one for each region: {@code cpu_cache} (eADR: the processor's caches are flushed by the platform),
 *     {@code memory_controller} (ADR: what has left the caches), or {@code unknown}; empty where there is no such memory
 */
record PersistenceDomain(List<String> domains) {
    private static final String CACHES = "cpu_cache";

    static PersistenceDomain ofThisHost() {
        return read(Path.of("/sys/bus/nd/devices"));
    }

    /** @param devices the folder of the kernel's devices on the bus of persistent memory; need not be there */
    static PersistenceDomain read(Path devices) {
        List<String> domains = new ArrayList<>();
        if (Files.isDirectory(devices)) {
            try (DirectoryStream<Path> regions = Files.newDirectoryStream(devices, "region*")) {
                for (Path region : regions) {
                    domains.add(domain(region.resolve("persistence_domain")));
                }
            } catch (IOException e) {
                domains.add("unknown (" + e.getMessage() + ")");
            }
        }
        return new PersistenceDomain(List.copyOf(domains));
    }

    /** An attribute that is empty or cannot be read says nothing, and then nothing may be relied on. */
    private static String domain(Path attribute) {
        try {
            String text = Files.readString(attribute).strip();
            return text.isEmpty() ? "unknown" : text;
        } catch (IOException e) {
            return "unknown";
        }
    }

    /** Whether nothing needs to be written back: every region says so, and there is one. */
    boolean includesCaches() {
        return !domains.isEmpty() && domains.stream().allMatch(CACHES::equals);
    }
}
