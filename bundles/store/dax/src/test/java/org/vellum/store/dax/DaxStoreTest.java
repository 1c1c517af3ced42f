// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.dax;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Diagnosis.Finding;
import org.vellum.api.provider.Diagnosis.Verdict;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

class DaxStoreTest {
    /** Names a folder on a file system mounted with -o dax, on machines that have one. */
    private static final String DAX_FOLDER = System.getenv("VELLUM_TEST_DAX");

    private static final PhaseObserver IGNORE = new PhaseObserver() {
        @Override
        public void entered(String region, Phase phase) {}
    };

    @TempDir
    Path temporary;

    private Path directory;

    @BeforeEach
    void nameTheFolder() {
        directory = temporary.resolve("regions");
    }

    private DaxStore store(boolean emulate) {
        return new DaxStore(Cores.CORE, Cores.PERSISTENCE, new PersistenceDomain(List.of()), directory, emulate);
    }

    private static Store.Request request(Path folder) {
        return new Store.Request("orders", folder, 8L * NativeCore.PAGE_SIZE, 2L * NativeCore.PAGE_SIZE);
    }

    private static List<String> filesIn(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    /** The folder for temporary files is on no DAX, on any machine that runs these tests. */
    @Test
    void whatIsNotDaxIsRefusedAndLeftAsItWas() throws IOException {
        RegionException refusal =
                assertThrows(RegionException.class, () -> store(false).open(request(null), IGNORE));
        String message = refusal.getMessage();
        assertTrue(message.startsWith("region 'orders': " + directory), message);
        assertTrue(message.contains("MAP_SYNC"), message);
        assertTrue(message.contains("-o dax") && message.contains("dax.emulate=true"), message);
        assertEquals(List.of(), filesIn(temporary));
    }

    @Test
    void anImageThatIsNotOnDaxIsRefusedToo() throws IOException {
        store(true).open(request(null), IGNORE).close();
        List<String> files = filesIn(directory);
        assertThrows(RegionException.class, () -> store(false).open(request(null), IGNORE));
        assertEquals(files, filesIn(directory));
    }

    @Test
    void emulationIsSaidLoudly() {
        try (StoreImage image = store(true).open(request(null), IGNORE)) {
            String remark = image.remarks().get(0);
            assertTrue(remark.startsWith("EMULATED: " + directory), remark);
            assertTrue(remark.contains("survives SIGKILL, not a power cut"), remark);
        }
    }

    @Test
    void aRequestMayNameItsOwnFolder() {
        Path own = temporary.resolve("own");
        store(true).open(request(own), IGNORE).close();
        assertTrue(Files.exists(own.resolve("orders.vellum")));
        assertFalse(Files.exists(directory));
    }

    @Test
    void aDeviceIsRefusedWithTheWayOut() {
        InvalidRegionException refusal = assertThrows(
                InvalidRegionException.class, () -> store(true).open(request(Path.of("/dev/null")), IGNORE));
        assertTrue(refusal.getMessage().contains("/dev/null is a DAX device"), refusal.getMessage());
        assertTrue(refusal.getMessage().contains("fsdax"), refusal.getMessage());
    }

    @Test
    void onDaxNothingIsEmulated() throws IOException {
        assumeTrue(DAX_FOLDER != null, "VELLUM_TEST_DAX is not set: no folder on DAX");
        Path folder = Files.createTempDirectory(Path.of(DAX_FOLDER), "dax-store-");
        try (StoreImage image = store(false).open(request(folder), IGNORE)) {
            assertTrue(
                    image.remarks().stream().noneMatch(remark -> remark.startsWith("EMULATED")),
                    image.remarks().toString());
        }
        assertEquals(List.of("orders.vellum", "orders.vellum-log0", "orders.vellum-log1"), filesIn(folder));
    }

    @Test
    void theDoctorIsToldOfTheFolderThePlatformAndEachInstruction() throws IOException {
        List<Finding> findings = store(false).examine();
        Finding folder = findings.get(0);
        assertEquals(Verdict.LACKING, folder.verdict());
        assertTrue(folder.text().contains(directory.toString()) && folder.text().contains("-o dax"), folder.text());
        assertEquals(Verdict.LACKING, findings.get(1).verdict());
        for (String instruction : List.of("clwb", "clflushopt", "clflush")) {
            Finding finding = findings.stream()
                    .filter(each -> each.subject().equals(instruction))
                    .findFirst()
                    .orElseThrow();
            assertEquals(Cores.PERSISTENCE.obstacle(instruction).isEmpty(), finding.verdict() == Verdict.WORKS);
            assertTrue(
                    finding.verdict() == Verdict.LACKING || finding.text().matches("[0-9.]+ ns a line over 256 KiB.*"),
                    finding.text());
        }
        assertEquals(List.of(), filesIn(temporary));
    }

    @Test
    void aPlatformThatSavesItsCachesHasNothingWrittenBack() {
        DaxStore eadr = new DaxStore(
                Cores.CORE, Cores.PERSISTENCE, new PersistenceDomain(List.of("cpu_cache")), directory, false);
        assertTrue(
                eadr.examine().contains(Finding.fact("write-back", "by none")),
                eadr.examine().toString());
        assertTrue(eadr.examine().stream().anyMatch(finding -> finding.text().contains("eADR")));
    }

    @Test
    void anEmulatedMediumIsNothingToBeTakenUnasked() {
        assertTrue(store(true).obstacleToAuto(request(null)).orElseThrow().startsWith("EMULATED: " + directory));
        assertTrue(store(false).obstacleToAuto(request(null)).orElseThrow().contains("MAP_SYNC"));
        assertEquals(Optional.empty(), store(true).obstacle());
    }

    @Test
    void anImageThatItCannotOpenIsNotItsOwn() throws IOException {
        assertEquals(Store.Presence.ABSENT, store(true).presence(request(null)));
        assertEquals(List.of(), filesIn(temporary));
        store(true).open(request(null), IGNORE).close();

        assertEquals(Store.Presence.HERE, store(true).presence(request(null)));
        assertEquals(Store.Presence.ABSENT, store(false).presence(request(null)));
    }

    @Test
    void emulationIsSwitchedByConfigurationAndABadValueChangesNothing() {
        DaxStore store = store(false);
        store.configure(Map.of("directory", directory.toString(), "dax.emulate", "true"));
        assertEquals(Optional.empty(), store.obstacle());

        store.configure(Map.of("directory", directory.toString(), "dax.emulate", "yes"));

        assertEquals(Optional.empty(), store.obstacle());
        assertTrue(store.examine().get(0).text().contains("dax.emulate 'yes' is refused: expected true or false"));
        store.configure(Map.of("directory", directory.toString()));
        assertTrue(store.obstacleToAuto(request(null)).orElseThrow().contains("MAP_SYNC"));
    }

    @Test
    void mountsWithDaxAreFoundByTheirOptions() {
        assertTrue(DaxMounts.any(List.of("/dev/pmem0 /pmem ext4 rw,relatime,dax=always 0 0")));
        assertTrue(DaxMounts.any(List.of("proc /proc proc rw 0 0", "/dev/pmem0 /pmem xfs rw,dax 0 0")));
        assertFalse(DaxMounts.any(List.of("/dev/sda1 /dax ext4 rw,dax=never 0 0", "broken")));
    }
}
