// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.tool;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Stream;

/**
 * An installed JDK.
 *
 * @param feature its feature version, such as 17
 * @param home its folder
 */
public record Jdk(int feature, Path home) {
    private static final Path INSTALLED = Path.of("/usr/lib/jvm");

    /** The one that runs the test. */
    public static Jdk running() {
        return new Jdk(Runtime.version().feature(), Path.of(System.getProperty("java.home")));
    }

    /** One of this feature version: the running one, or one where Linux distributions put them. */
    public static Optional<Jdk> of(int feature) throws IOException {
        if (running().feature == feature) {
            return Optional.of(running());
        }
        if (!Files.isDirectory(INSTALLED)) {
            return Optional.empty();
        }
        try (Stream<Path> homes = Files.list(INSTALLED)) {
            List<Path> sorted = homes.sorted().toList();
            for (Path home : sorted) {
                if (Files.isExecutable(home.resolve("bin/java")) && featureOf(home) == feature) {
                    return Optional.of(new Jdk(feature, home));
                }
            }
        }
        return Optional.empty();
    }

    /** As {@link #of}, skipping the running test, with the reason, if there is none. */
    public static Jdk require(int feature, String what) throws IOException {
        Optional<Jdk> jdk = of(feature);
        Skip.unless(jdk.isPresent(), what, "no JDK " + feature + " in " + INSTALLED);
        return jdk.orElseThrow();
    }

    private static int featureOf(Path home) throws IOException {
        Path release = home.resolve("release");
        if (!Files.isReadable(release)) {
            return 0;
        }
        Properties properties = new Properties();
        try (var text = Files.newBufferedReader(release)) {
            properties.load(text);
        }
        String version = properties.getProperty("JAVA_VERSION", "\"0\"").replace("\"", "");
        return Runtime.Version.parse(version).feature();
    }

    /** The path of one of its tools, such as {@code java}. */
    public String tool(String name) {
        return home.resolve("bin").resolve(name).toString();
    }
}
