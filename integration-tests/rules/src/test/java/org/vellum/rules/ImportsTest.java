// SPDX-License-Identifier: Apache-2.0
package org.vellum.rules;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Who may import what from outside: the framework, JNA. */
class ImportsTest {
    @Test
    void noPackageIsInTwoBundles() {
        Map<String, List<Path>> places = new TreeMap<>();
        for (Path place : Product.places()) {
            for (String name : Product.packages(place)) {
                places.computeIfAbsent(name, key -> new java.util.ArrayList<>()).add(place);
            }
        }
        Map<String, List<Path>> split = places.entrySet().stream()
                .filter(entry -> entry.getKey().startsWith("org.vellum.")
                        && entry.getValue().size() > 1)
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
        assertEquals(Map.of(), split, "packages of more than one bundle");
    }

    @Test
    void jnaIsUsedByTheNativeLibrarysInnerPackageAlone() {
        noClasses()
                .that()
                .resideOutsideOfPackages("org.vellum.nativelib..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("com.sun.jna..")
                .because("whoever loads native code asks NativeCore, so that one place knows how")
                .check(Product.CLASSES);
    }

    /** The rest is put together without one by org.vellum.embedded. A selector may be an LDAP filter, whose parser is OSGi's. */
    @Test
    void theRuntimeKnowsTheFrameworkInOnePackage() {
        noClasses()
                .that()
                .resideInAPackage("org.vellum.runtime..")
                .and()
                .resideOutsideOfPackage("org.vellum.runtime.osgi..")
                .and()
                .doNotHaveFullyQualifiedName("org.vellum.runtime.providers.LdapFilter")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.osgi.framework..", "org.osgi.service..", "org.osgi.util..")
                .check(Product.CLASSES);
    }

    /** What stores and formats do is tested without a framework, and used without one. */
    @Test
    void theImagesCodeKnowsNoFramework() {
        noClasses()
                .that()
                .resideInAPackage("org.vellum.store.image..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.osgi.framework..", "org.osgi.service..", "org.osgi.util..")
                .check(Product.CLASSES);
    }
}
