// SPDX-License-Identifier: Apache-2.0
package org.vellum.embedded;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.Region;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionTimeoutException;
import org.vellum.api.Section;
import org.vellum.store.file.FileStore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Vellum put together in this test's own JVM, as a program would. */
class VellumTest {
    private static final RegionOptions ONE_PAGE = RegionOptions.size(4096);

    @TempDir
    private Path folder;

    private Vellum.Builder builder() {
        return Vellum.builder().directory(folder.resolve("regions")).libraryFolder(folder.resolve("libraries"));
    }

    @Test
    void whatIsCommittedIsThereWhenVellumIsOpenedAgain() {
        try (Vellum vellum = builder().open()) {
            Region region = vellum.open("orders", ONE_PAGE);
            region.buffer(0, 8).putLong(0, 42);
            assertEquals(1, region.commit());
            region.buffer(0, 8).putLong(0, 43);
        } // and the region with it

        try (Vellum vellum = builder().open()) {
            Region region = vellum.open("orders", RegionOptions.existing());
            assertEquals(42, region.buffer(0, 8).getLong(0));
            assertEquals("host/host/dirty-bit/file", region.status().providers().toString());
            assertTrue(Files.exists(folder.resolve("regions").resolve("orders.vellum")));
        }
    }

    @Test
    void closingItClosesItsRegions() {
        Region region;
        try (Vellum vellum = builder().open()) {
            region = vellum.open("orders", ONE_PAGE);
            assertEquals(List.of(region), vellum.regions());
            assertThrows(RegionBusyException.class, () -> vellum.open("orders", ONE_PAGE));
        }
        assertFalse(region.isOpen());
    }

    @Test
    void thereIsOneAtATime() {
        Vellum first = builder().open();
        assertThrows(IllegalStateException.class, () -> builder().open());
        first.close();
        first.close();
        builder().open().close();
    }

    @Test
    void oneThatCannotBeOpenedLeavesNothingBehind() {
        Vellum.Builder refused = builder()
                .add(
                        core -> {
                            throw new RegionException("no such medium");
                        },
                        true,
                        0);
        assertEquals(
                "no such medium",
                assertThrows(RegionException.class, refused::open).getMessage());
        builder().open().close();
    }

    @Test
    void itsSelectorsAndItsLimitAreForRegionsThatNameNone() {
        try (Vellum vellum = builder()
                .selector("strategy", "write-protect")
                .waitLimit(Duration.ZERO)
                .open()) {
            Region region = vellum.open("orders", ONE_PAGE);
            assertEquals("write-protect", region.status().providers().strategy());
            Region other = vellum.open("others", ONE_PAGE.withStrategy("(vellum.strategy=dirty-bit)"));
            assertEquals("dirty-bit", other.status().providers().strategy());
            try (Section section = region.section()) {
                Thread committer = new Thread(() -> assertThrows(RegionTimeoutException.class, region::commit));
                List<Throwable> failures = new CopyOnWriteArrayList<>();
                committer.setUncaughtExceptionHandler((thread, failure) -> failures.add(failure));
                committer.start();
                committer.join();
                assertEquals(List.of(), failures);
                assertTrue(region.isOpen(), section.toString());
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
        assertThrows(InvalidRegionException.class, () -> builder().selector("colour", "red"));
    }

    @Test
    void eventsAndPhasesAreTold() {
        Set<String> topics = new ConcurrentSkipListSet<>();
        List<String> phases = new CopyOnWriteArrayList<>();
        try (Vellum vellum = builder()
                .events((topic, properties) -> topics.add(topic))
                .observer((region, phase) -> phases.add(phase.name()))
                .open()) {
            vellum.open("orders", ONE_PAGE).commit();
        }
        assertEquals(Set.of(RegionEvents.OPENED, RegionEvents.COMMITTED, RegionEvents.CLOSED), topics);
        assertTrue(phases.contains("CUT"), phases.toString());
    }

    @Test
    void aBareOneHasWhatIsAddedAndNothingElse() {
        try (Vellum vellum = builder()
                .bare()
                .add(core -> FileStore.withoutFramework(core, folder), true, 0)
                .open()) {
            assertThrows(ProviderMissingException.class, () -> vellum.open("orders", ONE_PAGE));
        }
    }

    @Test
    void guestModeIsThereOrRefusedWithItsReason() {
        try (Vellum vellum = builder().guestMode().open()) {
            Region region = vellum.open("orders", ONE_PAGE.withVmm("kvm"));
            assertEquals("kvm/guest/dirty-bit/file", region.status().providers().toString());
        } catch (RegionException e) {
            assertTrue(e.getMessage().startsWith("there is no guest mode here: "), e.getMessage());
        }
        builder().open().close();
    }

    @Test
    void librariesAreNotTakenFromAFolderOfOthers() throws Exception {
        builder().open().close();
        Path libraries = folder.resolve("libraries");
        Path unpacked;
        try (var folders = Files.list(libraries)) {
            unpacked = folders.findFirst().orElseThrow();
        }
        Files.setPosixFilePermissions(unpacked, PosixFilePermissions.fromString("rwxrwx---"));

        UnsatisfiedLinkError refusal =
                assertThrows(UnsatisfiedLinkError.class, () -> builder().open());

        assertTrue(refusal.getMessage().contains(unpacked.getFileName().toString()), refusal.getMessage());
        assertTrue(refusal.getMessage().contains("libraryFolder"), refusal.getMessage());
        Files.setPosixFilePermissions(unpacked, PosixFilePermissions.fromString("rwx------"));
        builder().open().close();
    }
}
