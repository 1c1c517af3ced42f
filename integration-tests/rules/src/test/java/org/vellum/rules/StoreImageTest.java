// SPDX-License-Identifier: Apache-2.0
package org.vellum.rules;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

/** One way down inside {@code store/image}: what each package-info there says it may depend on. */
class StoreImageTest {
    private static final String ROOT = "org.vellum.store.image";

    private record Part(String name, String... uses) {
        String root() {
            return ROOT + "." + name;
        }

        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Part> parts() {
        return Stream.of(
                new Part("format"),
                new Part("medium"),
                new Part("home", "format", "medium"),
                new Part("log", "home", "format", "medium"),
                new Part("undo", "home", "format", "medium"),
                new Part("recovery", "log", "undo", "home", "format", "medium"),
                new Part("creation", "log", "home", "format", "medium"),
                new Part("move", "creation", "home", "format", "medium"),
                new Part("offline", "recovery", "undo", "creation", "log", "home", "format", "medium"));
    }

    @ParameterizedTest
    @MethodSource("parts")
    void aPackageUsesOnlyWhatStandsBelowIt(Part part) {
        List<String> allowed = new ArrayList<>(List.of(part.root()));
        Stream.of(part.uses()).map(name -> ROOT + "." + name).forEach(allowed::add);
        noClasses()
                .that()
                .resideInAPackage(part.root())
                .should()
                .dependOnClassesThat(resideInAPackage(ROOT + "..")
                        .and(resideOutsideOfPackages(allowed.toArray(String[]::new)))
                        .as("of a package that is not below"))
                .because("its package-info says what it may depend on")
                .check(Product.CLASSES);
    }

    @Test
    void everyPackageHasItsRule() {
        List<String> roots = new ArrayList<>(List.of(ROOT));
        parts().map(Part::root).forEach(roots::add);
        classes()
                .that(resideInAPackage(ROOT + ".."))
                .should()
                .resideInAnyPackage(roots.toArray(String[]::new))
                .check(Product.CLASSES);
    }

    @Test
    void theFormatCallsNoFile() {
        noClasses()
                .that()
                .resideInAPackage(ROOT + ".format")
                .should()
                .dependOnClassesThat(resideInAPackage("java.nio.channels..")
                        .or(nameMatching("java\\.nio\\.file\\.Files|java\\.io\\.(File|RandomAccessFile).*")))
                .because("it is bytes and layout only")
                .check(Product.CLASSES);
    }
}
