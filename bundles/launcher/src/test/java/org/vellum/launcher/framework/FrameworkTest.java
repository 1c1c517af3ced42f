// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.vellum.launcher.command.CommandFailure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class FrameworkTest {
    @TempDir
    Path folder;

    @Test
    void startsEveryBundleThatIsNoFragment() {
        List<Path> bundles = List.of(
                TestBundle.write(folder, "first", Map.of("Import-Package", "second.api")),
                TestBundle.write(folder, "second", Map.of("Export-Package", "second.api")),
                TestBundle.write(folder, "third", Map.of("Fragment-Host", "second")));
        try (Framework framework = Framework.start(bundles, Storage.temporary(), Map.of())) {
            for (Bundle bundle : framework.context().getBundles()) {
                int expected = bundle.getSymbolicName().equals("third") ? Bundle.RESOLVED : Bundle.ACTIVE;
                assertEquals(expected, bundle.getState(), bundle.getSymbolicName());
            }
        }
    }

    @Test
    void namesEachBundleThatCannotBeResolvedAndWhatItMisses() {
        List<Path> bundles = List.of(
                TestBundle.write(folder, "sound", Map.of()),
                TestBundle.write(folder, "needy", Map.of("Import-Package", "absent.api")),
                TestBundle.write(folder, "poor", Map.of("Require-Bundle", "absent.bundle")));
        Storage storage = Storage.temporary();
        CommandFailure failure = assertThrows(CommandFailure.class, () -> Framework.start(bundles, storage, Map.of()));
        List<String> lines = failure.getMessage().lines().toList();
        assertEquals("2 of 3 bundles cannot be started:", lines.get(0));
        assertTrue(lines.get(1).contains("needy") && lines.get(1).contains("absent.api"), lines.get(1));
        assertTrue(lines.get(2).contains("poor") && lines.get(2).contains("absent.bundle"), lines.get(2));
        assertFalse(Files.exists(storage.folder()), "nothing is left behind");
    }

    @Test
    void callsAnApplicationByItsName() throws InterruptedException {
        try (Framework framework =
                Framework.start(List.of(TestBundle.application(folder)), Storage.temporary(), Map.of())) {
            assertEquals(
                    7, framework.application("probe", Duration.ofSeconds(30)).applyAsInt(List.of("return", "7")));
        }
    }

    @Test
    void anApplicationStaysInUseUntilTheFrameworkStops() throws InterruptedException {
        try (Framework framework =
                Framework.start(List.of(TestBundle.application(folder)), Storage.temporary(), Map.of())) {
            framework.application("probe", Duration.ofSeconds(30));
            Bundle[] users =
                    framework.context().getServiceReference(ToIntFunction.class).getUsingBundles();
            assertEquals(List.of(framework.context().getBundle()), List.of(users));
        }
    }

    @Test
    void anApplicationThatDoesNotComeIsNamedWithThoseThatAreThere() {
        try (Framework framework =
                Framework.start(List.of(TestBundle.application(folder)), Storage.temporary(), Map.of())) {
            CommandFailure failure =
                    assertThrows(CommandFailure.class, () -> framework.application("absent*(", Duration.ofMillis(1)));
            assertTrue(failure.getMessage().contains("'absent*('"), failure.getMessage());
            assertTrue(failure.getMessage().contains("registered: probe"), failure.getMessage());
        }
    }

    @Test
    void theTemporaryFolderIsDeletedAndWhatIsKeptStays() throws Exception {
        Storage storage = Storage.keeping(folder.resolve("kept"));
        Framework framework = Framework.start(List.of(), storage, Map.of());
        assertTrue(Files.exists(storage.cache()));
        assertEquals(
                folder.resolve("kept/regions").toString(), framework.context().getProperty("vellum.directory"));
        assertEquals(
                folder.resolve("kept/configurations").toString(),
                framework.context().getProperty("felix.cm.dir"));
        framework.close();
        assertFalse(Files.exists(storage.folder()));
        assertTrue(Files.exists(folder.resolve("kept")));
    }

    @Test
    void withoutAKeptFolderRegionsStayWhereTheStoreKeepsThem() {
        try (Framework framework = Framework.start(List.of(), Storage.temporary(), Map.of())) {
            assertNull(framework.context().getProperty("vellum.directory"));
        }
    }

    @Test
    void aFrameworkStoppedWhileAnApplicationIsAwaitedIsASentence() {
        Framework framework = Framework.start(List.of(), Storage.temporary(), Map.of());
        framework.close();
        CommandFailure failure =
                assertThrows(CommandFailure.class, () -> framework.application("probe", Duration.ofSeconds(1)));
        assertEquals("the framework was stopped", failure.getMessage());
    }

    @Test
    void anIncompleteDistributionSaysHowToBuildIt() {
        CommandFailure failure = assertThrows(CommandFailure.class, () -> new Distribution(folder).bundles());
        assertTrue(failure.getMessage().contains("./vellum build"), failure.getMessage());
    }

    @Test
    void configurationsWithoutConfigAdminAreRefused() {
        Storage storage = Storage.temporary();
        CommandFailure failure = assertThrows(
                CommandFailure.class,
                () -> Framework.start(
                        List.of(TestBundle.write(folder, "sound", Map.of())),
                        Map.of("org.vellum.region~orders", new Hashtable<>()),
                        storage,
                        Map.of()));
        assertTrue(failure.getMessage().startsWith("there are configurations (org.vellum.region~orders)"));
        assertFalse(Files.exists(storage.folder()), "nothing is left behind");
    }
}
