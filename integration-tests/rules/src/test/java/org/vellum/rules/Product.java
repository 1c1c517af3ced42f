// SPDX-License-Identifier: Apache-2.0
package org.vellum.rules;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.Location;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.stream.Collectors;

/** The bundles, as they are on this test's class path: jars, or folders of classes while Maven has not packed them. */
final class Product {
    /** All classes of the bundles: read once for all tests of this module, because that takes seconds. */
    static final JavaClasses CLASSES = classes();

    private Product() {}

    /** Jars and folders that hold classes of a bundle; never this module's own. */
    static List<Path> places() {
        return Arrays.stream(System.getProperty("java.class.path").split(java.io.File.pathSeparator))
                .map(Path::of)
                .filter(place -> !place.endsWith("test-classes"))
                .filter(place -> packages(place).stream().anyMatch(name -> name.startsWith("org.vellum.")))
                .toList();
    }

    private static JavaClasses classes() {
        // a jar given as a path is one file that is no class file, and no class is imported from it
        return new ClassFileImporter()
                .importLocations(places().stream().map(Product::location).toList());
    }

    private static Location location(Path place) {
        if (Files.isDirectory(place)) {
            return Location.of(place);
        }
        try (JarFile jar = new JarFile(place.toFile())) {
            return Location.of(jar);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + place, e);
        }
    }

    /** The packages with classes in them. */
    static Set<String> packages(Path place) {
        if (Files.isDirectory(place)) {
            return packagesBelow(place);
        }
        if (!Files.exists(place)) {
            return Set.of();
        }
        try (var jar = FileSystems.newFileSystem(place)) {
            return packagesBelow(jar.getPath("/"));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + place, e);
        }
    }

    private static Set<String> packagesBelow(Path root) {
        try (var files = Files.walk(root)) {
            return files.filter(file -> file.toString().endsWith(".class"))
                    .map(file -> root.relativize(file).getParent())
                    .filter(folder -> folder != null && !folder.startsWith("META-INF"))
                    .map(folder -> folder.toString().replace('/', '.'))
                    .collect(Collectors.toSet());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + root, e);
        }
    }
}
