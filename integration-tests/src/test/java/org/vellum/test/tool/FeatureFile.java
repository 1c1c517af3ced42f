// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.tool;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/**
 * An OSGi feature file of the distribution.
 *
 * @param text its content
 */
public record FeatureFile(String text) {
    private static final Path DISTRIBUTION = Path.of(System.getProperty("vellum.test.distribution"));
    private static final Pattern BUNDLE = Pattern.compile("\\{\"id\": \"([^:\"]+):([^:\"]+):([^:\"]+)\"}");

    /** The one of this name, without its ending. */
    public static FeatureFile distributed(String name) throws IOException {
        return new FeatureFile(Files.readString(DISTRIBUTION.resolve("features/" + name + ".json")));
    }

    /** The artifacts of its bundles. */
    public List<String> artifacts() {
        return BUNDLE.matcher(text).results().map(bundle -> bundle.group(2)).toList();
    }

    /** The files of its bundles in the distribution's repository, whether they are there or not. */
    public List<Path> bundles() {
        return BUNDLE.matcher(text)
                .results()
                .map(bundle -> DISTRIBUTION
                        .resolve("repository")
                        .resolve(bundle.group(1).replace('.', '/'))
                        .resolve(bundle.group(2))
                        .resolve(bundle.group(3))
                        .resolve(bundle.group(2) + "-" + bundle.group(3) + ".jar"))
                .toList();
    }
}
