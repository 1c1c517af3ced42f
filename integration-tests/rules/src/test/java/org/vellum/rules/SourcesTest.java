// SPDX-License-Identifier: Apache-2.0
package org.vellum.rules;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What source files look like: how long they are, and that each role's folder says what stands in it. */
class SourcesTest {
    private static final Path ROOT = Path.of(System.getProperty("vellum.root"));
    private static final int LONGEST_CLASS = 400;
    private static final int LONGEST_C_FILE = 450;
    /** What an opening comment says where a file is longer, followed by the reason. */
    private static final String REASON = "This file is long because";

    private static final int OPENING_LINES = 60;

    @Test
    void noClassAndNoCFileIsLongWithoutAReason() throws IOException {
        List<String> tooLong = new ArrayList<>();
        int examined = 0;
        for (String folder : List.of("bundles", "integration-tests", "benchmarks", "examples", "native")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(folder))) {
                for (Path file : files.filter(SourcesTest::isProduction).toList()) {
                    List<String> lines = Files.readAllLines(file);
                    int longest = file.toString().endsWith(".java") ? LONGEST_CLASS : LONGEST_C_FILE;
                    examined++;
                    if (lines.size() > longest
                            && lines.stream().limit(OPENING_LINES).noneMatch(line -> line.contains(REASON))) {
                        tooLong.add(ROOT.relativize(file) + ": " + lines.size() + " lines, at most " + longest
                                + " without '" + REASON + " …' in its opening comment");
                    }
                }
            }
        }
        assertTrue(examined > 300, "only " + examined + " files below " + ROOT);
        assertEquals("", String.join("\n", tooLong));
    }

    @Test
    void everyRoleHasAReadme() throws IOException {
        List<String> missing = new ArrayList<>();
        try (Stream<Path> roles = Files.list(ROOT.resolve("bundles"))) {
            for (Path role : roles.filter(Files::isDirectory).toList()) {
                if (!role.endsWith("target") && !Files.exists(role.resolve("README.md"))) {
                    missing.add(role.getFileName().toString());
                }
            }
        }
        assertEquals(List.of(), missing);
    }

    private static boolean isProduction(Path file) {
        String path = file.toString();
        return !path.contains("/target/")
                && (path.contains("/src/main/") && path.endsWith(".java")
                        || path.contains("/native/src/") && path.endsWith(".c"));
    }
}
