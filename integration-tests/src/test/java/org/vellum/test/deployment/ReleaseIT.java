// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.deployment;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What a distribution has besides its bundles: licences, an inventory of what is in it, POMs that need nobody else's. */
class ReleaseIT {
    private static final Path DISTRIBUTION = Path.of(System.getProperty("vellum.test.distribution"));
    private static final Path REPOSITORY = DISTRIBUTION.resolve("repository");

    @Test
    void everyArtifactOfVellumHasItsLicenceAndNotice() throws IOException {
        List<Path> ours = jars().filter(jar -> isOurs(jar)).toList();
        assertTrue(ours.size() > 20, () -> "only " + ours);
        for (Path jar : ours) {
            try (JarFile file = new JarFile(jar.toFile())) {
                assertTrue(file.getEntry("META-INF/LICENSE") != null, () -> jar + " has no META-INF/LICENSE");
                assertTrue(file.getEntry("META-INF/NOTICE") != null, () -> jar + " has no META-INF/NOTICE");
            }
        }
    }

    @Test
    void theDistributionHasLicenceAndNotice() {
        assertTrue(Files.exists(DISTRIBUTION.resolve("LICENSE")));
        assertTrue(Files.exists(DISTRIBUTION.resolve("NOTICE")));
    }

    @Test
    void everyForeignLibraryIsListedWithItsLicence() throws IOException {
        String listed = Files.readString(DISTRIBUTION.resolve("THIRD-PARTY.md"));
        Set<String> missing = foreignNames()
                .filter(name -> !listed.contains("| " + name + " |"))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(Set.of(), missing, "not in features/src/main/legal/THIRD-PARTY.md");
    }

    @Test
    void theInventoryNamesEveryForeignLibrary() throws IOException {
        String inventory = Files.readString(DISTRIBUTION.resolve("sbom.cyclonedx.json"));
        Set<String> missing = foreignNames()
                .filter(name -> !inventory.contains("\"" + name + "\""))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(Set.of(), missing, "not in sbom.cyclonedx.json");
    }

    /** So that Maven takes the repository for one, and needs no POM of this project besides. */
    @Test
    void everyJarOfTheRepositoryHasItsPom() throws IOException {
        try (Stream<Path> files = Files.walk(REPOSITORY)) {
            for (Path jar :
                    files.filter(file -> file.toString().endsWith(".jar")).toList()) {
                Path pom = jar.resolveSibling(jar.getFileName().toString().replaceFirst("\\.jar$", ".pom"));
                assertTrue(Files.exists(pom), () -> jar + " has no POM");
                if (isOurs(jar)) {
                    String text = Files.readString(pom);
                    assertFalse(text.contains("<parent>"), () -> pom + " needs its parent");
                    assertFalse(text.contains("${"), () -> pom + " has what only this build can fill in");
                    assertFalse(text.contains("<repository>"), () -> pom + " names a repository");
                }
            }
        }
    }

    private static boolean isOurs(Path jar) {
        String name = jar.getFileName().toString();
        return name.startsWith("org.vellum.") || name.equals("vellum.jar");
    }

    private static Stream<Path> jars() throws IOException {
        try (Stream<Path> files = Files.walk(DISTRIBUTION)) {
            return files.filter(file -> file.toString().endsWith(".jar")).toList().stream();
        }
    }

    private static Stream<String> foreignNames() throws IOException {
        Pattern version = Pattern.compile("-\\d.*$");
        return jars().filter(jar -> !isOurs(jar))
                .map(jar -> version.matcher(jar.getFileName().toString().replaceFirst("\\.jar$", ""))
                        .replaceFirst(""))
                .distinct();
    }
}
