// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import org.ops4j.pax.exam.Option;

import static org.ops4j.pax.exam.CoreOptions.bundle;
import static org.ops4j.pax.exam.CoreOptions.composite;
import static org.ops4j.pax.exam.CoreOptions.junitBundles;
import static org.ops4j.pax.exam.CoreOptions.systemProperty;
import static org.ops4j.pax.exam.CoreOptions.vmOption;

/** The forked Felix: all bundles under test from target/bundles, without any look-up in a repository. */
final class Container {
    private static final String REGIONS = "vellum.directory";

    private Container() {}

    /** A container whose regions go to a folder that is new for each run, but one for all containers of a test class. */
    static Option[] with(Path regions) {
        File[] jars =
                new File(System.getProperty("vellum.test.bundles")).listFiles((folder, name) -> name.endsWith(".jar"));
        Arrays.sort(Objects.requireNonNull(jars, "target/bundles is empty: run the package phase first"));
        return new Option[] {
            composite(Arrays.stream(jars)
                    .map(jar -> bundle(jar.toURI().toString()))
                    .toArray(Option[]::new)),
            composite(Arrays.stream(System.getProperty("vellum.test.jvm").trim().split("\\s+"))
                    .map(flag -> vmOption(flag))
                    .toArray(Option[]::new)),
            junitBundles(),
            systemProperty(REGIONS).value(regions.toString()),
            // an unresolved bundle would otherwise leave the forked container waiting for ever
            systemProperty("pax.exam.osgi.unresolved.fail").value("true")
        };
    }

    /** Below target. */
    static Path newFolder() {
        try {
            return Files.createTempDirectory(
                    Files.createDirectories(Path.of(System.getProperty("vellum.test.directory"))), "container");
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
