// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.dax;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PersistenceDomainTest {
    @TempDir
    Path devices;

    private void region(int number, String domain) throws IOException {
        Path region = Files.createDirectory(devices.resolve("region" + number));
        if (domain != null) {
            Files.writeString(region.resolve("persistence_domain"), domain + "\n");
        }
    }

    @Test
    void cachesAreSafeWhenEveryRegionSaysSo() throws IOException {
        region(0, "cpu_cache");
        region(1, "cpu_cache");
        Files.createDirectory(devices.resolve("namespace0.0"));
        assertEquals(
                List.of("cpu_cache", "cpu_cache"),
                PersistenceDomain.read(devices).domains());
        assertTrue(PersistenceDomain.read(devices).includesCaches());
    }

    @Test
    void oneRegionWithoutIsEnoughToWriteBack() throws IOException {
        region(0, "cpu_cache");
        region(1, "memory_controller");
        assertFalse(PersistenceDomain.read(devices).includesCaches());
    }

    @Test
    void whatIsNotSaidIsNotReliedOn() throws IOException {
        region(0, "");
        region(1, null);
        PersistenceDomain domain = PersistenceDomain.read(devices);
        assertEquals(List.of("unknown", "unknown"), domain.domains());
        assertFalse(domain.includesCaches());
    }

    @Test
    void aHostWithoutPersistentMemoryHasNoCachesThatAreSafe() {
        PersistenceDomain domain = PersistenceDomain.read(devices.resolve("missing"));
        assertEquals(List.of(), domain.domains());
        assertFalse(domain.includesCaches());
    }
}
