// SPDX-License-Identifier: Apache-2.0
package org.vellum.rules;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

/** One way down: {@code bundles/README.md} draws the roles, and no bundle knows one that it need not. */
class LayersTest {
    private static final String API = "org.vellum.api..";
    private static final String NATIVE = "org.vellum.nativelib..";
    private static final String IMAGE = "org.vellum.store.image..";
    private static final String JSON = "org.vellum.json..";

    /** What a bundle's classes may use of other bundles. The root of its packages is the bundle's name. */
    private record Bundle(String root, String... uses) {
        @Override
        public String toString() {
            return root;
        }
    }

    static Stream<Bundle> bundles() {
        return Stream.of(
                new Bundle("org.vellum.api"),
                new Bundle("org.vellum.nativelib", API),
                new Bundle("org.vellum.runtime", API, NATIVE),
                // puts the rest together where there is no framework that does
                new Bundle(
                        "org.vellum.embedded",
                        API,
                        NATIVE,
                        "org.vellum.runtime..",
                        "org.vellum.vmm..",
                        "org.vellum.pagetable..",
                        "org.vellum.strategy..",
                        "org.vellum.store.."),
                new Bundle("org.vellum.vmm.host", API, NATIVE),
                new Bundle("org.vellum.vmm.kvm", API, NATIVE),
                new Bundle("org.vellum.pagetable.host", API, NATIVE),
                new Bundle("org.vellum.pagetable.guest", API, NATIVE),
                new Bundle("org.vellum.strategy.writeprotect", API, NATIVE),
                new Bundle("org.vellum.strategy.dirtybit", API, NATIVE),
                new Bundle("org.vellum.store.image", API, NATIVE),
                new Bundle("org.vellum.store.file", API, NATIVE, IMAGE),
                new Bundle("org.vellum.store.dax", API, NATIVE, IMAGE),
                new Bundle("org.vellum.store.memory", API, NATIVE, IMAGE),
                new Bundle("org.vellum.shell", API),
                new Bundle("org.vellum.json"),
                new Bundle("org.vellum.webconsole", API, JSON),
                new Bundle("org.vellum.jmx", API),
                new Bundle("org.vellum.health", API),
                new Bundle("org.vellum.inventory", API, JSON),
                new Bundle("org.vellum.doctor", API),
                new Bundle("org.vellum.verify", API, NATIVE, IMAGE),
                new Bundle("org.vellum.standalone"),
                new Bundle("org.vellum.launcher", API),
                new Bundle("org.vellum.proof", API, "org.vellum.launcher.."),
                new Bundle("org.vellum.crash.enumeration"));
    }

    @ParameterizedTest
    @MethodSource("bundles")
    void aBundleUsesOnlyWhatStandsBelowIt(Bundle bundle) {
        String own = bundle.root() + "..";
        List<String> allowed = new ArrayList<>(List.of(bundle.uses()));
        allowed.add(own);
        DescribedPredicate<JavaClass> elsewhere = resideInAnyPackage("org.vellum..")
                .and(resideOutsideOfPackages(allowed.toArray(String[]::new)))
                .as("another bundle's, which it must not know");
        noClasses()
                .that()
                .resideInAPackage(own)
                .should()
                .dependOnClassesThat(elsewhere)
                .because("arrows in bundles/README.md never point up")
                .check(Product.CLASSES);
    }

    @Test
    void everyBundleHasItsRule() {
        List<String> roots = bundles().map(bundle -> bundle.root() + "..").toList();
        classes()
                .should()
                .resideInAnyPackage(roots.toArray(String[]::new))
                .because("a bundle without a rule may use what it likes")
                .check(Product.CLASSES);
    }

    /** As drawn in the runtime's package-info: a swap goes down, and only events go up. */
    @Test
    void thePackagesOfTheRuntimeUseOnlyThoseBelowThem() {
        List<String> fromTheTop = Stream.of(
                        "osgi", "registry", "region", "swap", "commit", "state", "services", "waiting", "providers")
                .map(name -> "org.vellum.runtime." + name + "..")
                .toList();
        for (int i = 1; i < fromTheTop.size(); i++) {
            List<String> above = fromTheTop.subList(0, i);
            noClasses()
                    .that()
                    .resideInAPackage(fromTheTop.get(i))
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(above.toArray(String[]::new))
                    .because("arrows never point up")
                    .check(Product.CLASSES);
        }
    }

    @Test
    void packagesAreFreeOfCycles() {
        slices().assignedFrom(PACKAGES).should().beFreeOfCycles().check(Product.CLASSES);
    }

    private static final SliceAssignment PACKAGES = new SliceAssignment() {
        @Override
        public String getDescription() {
            return "a slice for each package";
        }

        @Override
        public SliceIdentifier getIdentifierOf(JavaClass javaClass) {
            return SliceIdentifier.of(javaClass.getPackageName());
        }
    };
}
