// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.deployment;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.test.tool.ChildProcess;
import org.vellum.test.tool.Jdk;

/**
 * Applications (a component with a region manager, one with a configured region, an activator) commit a last time when the
 * framework stops, or something is refreshed or stopped that regions rest on, whatever the order of bundles.
 */
class OrderlyEndIT {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final Path DISTRIBUTION = ContainerProcess.built("vellum.test.distribution");

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"lib/org.apache.felix.framework.jar", "storm/org.eclipse.osgi.jar"})
    void applicationsCommitALastTime(String framework) throws Exception {
        Path application = DISTRIBUTION.resolve("storm/org.vellum.storm.jar");
        List<String> command = List.of(
                Jdk.running().tool("java"),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                DISTRIBUTION.resolve(framework) + ":" + application,
                "org.vellum.storm.driver.Ending",
                folder.toString(),
                application.toString(),
                DISTRIBUTION.resolve("bundles").toString());
        try (ChildProcess endings = ChildProcess.start("endings in " + framework, Jdk.running(), command)) {
            endings.succeed(PATIENCE);
        }
    }
}
