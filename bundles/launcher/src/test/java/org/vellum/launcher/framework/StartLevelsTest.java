// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.startlevel.BundleStartLevel;

import static org.junit.jupiter.api.Assertions.assertEquals;

class StartLevelsTest {
    @TempDir
    Path folder;

    /** Whatever their order: what stops last has the lowest level. */
    @Test
    void usersAreAboveTheRuntimeAndThatIsAboveWhatItRestsOn() {
        List<Path> bundles = List.of(
                TestBundle.write(folder, "application", Map.of("Import-Package", "regions.api")),
                TestBundle.write(
                        folder,
                        "runtime",
                        Map.of(
                                "Import-Package",
                                "regions.api",
                                "Provide-Capability",
                                "osgi.implementation;osgi.implementation=org.vellum")),
                TestBundle.write(folder, "api", Map.of("Export-Package", "regions.api")),
                TestBundle.write(
                        folder,
                        "provider",
                        Map.of(
                                "Import-Package",
                                "library",
                                "Provide-Capability",
                                "org.vellum.provider;org.vellum.provider=store")),
                TestBundle.write(folder, "library", Map.of("Export-Package", "library")),
                TestBundle.write(
                        folder,
                        "service",
                        Map.of(
                                "Provide-Capability",
                                "osgi.service;objectClass:List<String>=org.osgi.service.event.EventAdmin")),
                TestBundle.write(folder, "elsewhere", Map.of()));
        try (Framework framework = Framework.start(bundles, Storage.temporary(), Map.of())) {
            Map<String, Integer> levels = new TreeMap<>();
            for (Bundle bundle : framework.context().getBundles()) {
                if (bundle.getBundleId() != 0) {
                    assertEquals(Bundle.ACTIVE, bundle.getState(), bundle.getSymbolicName());
                    levels.put(
                            bundle.getSymbolicName(),
                            bundle.adapt(BundleStartLevel.class).getStartLevel());
                }
            }
            assertEquals(
                    Map.of(
                            "api",
                            1,
                            "provider",
                            1,
                            "library",
                            1,
                            "service",
                            1,
                            "runtime",
                            2,
                            "application",
                            3,
                            "elsewhere",
                            3),
                    levels);
        }
    }
}
