// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.offline;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.BatchBuilder;
import org.vellum.store.image.TestStore;
import org.vellum.store.image.creation.Replacement;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.log.Log;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.InMemoryDirectory;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.offline.ImageRepair.Purpose;
import org.vellum.store.image.offline.ImageReport.Finding;
import org.vellum.store.image.offline.ImageReport.Verdict;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What an offline check says of an image, and what a repair makes of it. */
class OfflineImageTest {
    /** A batch of one line, padded. */
    private static final int BATCH = 192;

    @TempDir(factory = InMemoryDirectory.class)
    Path directory;

    private TestStore store;
    /** Content by epoch. */
    private final List<byte[]> expected = new ArrayList<>();

    @BeforeEach
    void prepare() {
        store = new TestStore(directory.resolve("running"));
        expected.add(new byte[(int) TestStore.SIZE]);
    }

    private void commit(StoreImage image, int epochs) {
        for (int i = 0; i < epochs; i++) {
            long epoch = image.epoch() + 1;
            BatchBuilder changes = new BatchBuilder().line(epoch % TestStore.PAGES, (int) (epoch % 64), (int) epoch);
            expected.add(changes.appliedTo(expected.get(expected.size() - 1)));
            TestStore.commit(image, changes);
        }
    }

    private TestStore closedAfter(int epochs) {
        try (StoreImage image = store.open()) {
            commit(image, epochs);
        }
        return store;
    }

    /** The files after kill -9 behind so many epochs; those before {@code atHome} were written home. */
    private TestStore crashedAfter(int atHome, int epochs) {
        closedAfter(atHome);
        try (StoreImage image = store.open()) {
            commit(image, epochs - atHome);
            return store.crashImage(directory.resolve("crashed"));
        }
    }

    private static ImageFiles names(TestStore image) {
        return new ImageFiles(image.directory, TestStore.REGION);
    }

    private ImageReport report(TestStore image) throws IOException {
        Map<Path, byte[]> before = contents(image.directory);
        try (OfflineImage offline = OfflineImage.open(Cores.CORE, names(image))) {
            return offline.report();
        } finally {
            Map<Path, byte[]> after = contents(image.directory);
            assertEquals(before.keySet(), after.keySet());
            before.forEach((file, bytes) -> assertArrayEquals(bytes, after.get(file), "verify wrote to " + file));
        }
    }

    private static Map<Path, byte[]> contents(Path folder) throws IOException {
        Map<Path, byte[]> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                contents.put(file, Files.readAllBytes(file));
            }
        }
        return contents;
    }

    private static List<Finding> damages(ImageReport report) {
        return report.findings().stream()
                .filter(finding -> finding.verdict() == Verdict.DAMAGED)
                .toList();
    }

    private static void assertIntact(int epoch, ImageReport report) {
        assertEquals(List.of(), damages(report));
        assertEquals(OptionalLong.of(epoch), report.intactEpoch());
    }

    private static void assertDamaged(OptionalLong intactEpoch, String part, String text, ImageReport report) {
        List<Finding> damages = damages(report);
        assertEquals(1, damages.size(), damages::toString);
        assertEquals(part, damages.get(0).part());
        assertTrue(damages.get(0).text().contains(text), damages.get(0).text());
        assertEquals(intactEpoch, report.intactEpoch());
    }

    /** Repairs into another folder and opens the result. */
    private TestStore repair(TestStore damaged, boolean acceptDamagedPages) throws IOException {
        Map<Path, byte[]> before = contents(damaged.directory);
        TestStore repaired = new TestStore(directory.resolve("repaired"));
        try (OfflineImage offline = OfflineImage.open(Cores.CORE, names(damaged))) {
            new ImageRepair(Cores.CORE).write(offline, names(repaired), acceptDamagedPages);
        }
        Map<Path, byte[]> after = contents(damaged.directory);
        before.forEach((file, bytes) -> assertArrayEquals(bytes, after.get(file), "repair wrote to " + file));
        return repaired;
    }

    private void assertHolds(TestStore repaired, int epoch) throws Exception {
        assertIntact(epoch, report(repaired));
        try (StoreImage image = repaired.open()) {
            assertEquals(epoch, image.epoch());
            assertArrayEquals(expected.get(epoch), TestStore.content(image));
            assertEquals(0x7000_0000L, image.address());
            TestStore.commit(image, new BatchBuilder().page(2, 77));
        }
        assertIntact(epoch + 1, report(repaired));
    }

    private void recordAddress() {
        try (StoreImage image = store.open()) {
            image.recordAddress(0x7000_0000L);
        }
    }

    private static Path liveLog(TestStore crashed) {
        return crashed.log(Log.index(crashed.checkpoint().generation()));
    }

    private static void flipInPage(TestStore image, int page) throws IOException {
        TestStore.flip(image.home(), image.identity().homeOffset() + (long) page * NativeCore.PAGE_SIZE + 1000, 3);
    }

    @Test
    void anImageClosedInOrderIsIntactUpToItsLastEpoch() throws Exception {
        assertIntact(5, report(closedAfter(5)));
    }

    @Test
    void theEpochsInTheLogOfAKilledProcessCount() throws Exception {
        assertIntact(7, report(crashedAfter(3, 7)));
    }

    @Test
    void aTornTailIsNoDamage() throws Exception {
        TestStore crashed = crashedAfter(0, 3);
        TestStore.flip(liveLog(crashed), 2 * BATCH + 100, 0);
        ImageReport report = report(crashed);
        assertIntact(2, report);
        assertTrue(
                report.findings().stream()
                        .anyMatch(finding -> finding.verdict() == Verdict.NOTE
                                && finding.text().contains("torn batch of epoch 3")),
                report.findings()::toString);
    }

    @Test
    void aDamagedMiddleOfTheLogLeavesTheEpochsBeforeIt() throws Exception {
        recordAddress();
        TestStore crashed = crashedAfter(0, 4);
        TestStore.flip(liveLog(crashed), BATCH + 100, 0);
        assertDamaged(OptionalLong.of(1), "log", "epoch 2 is missing", report(crashed));
        assertThrows(DamagedImageException.class, crashed::open);
        assertHolds(repair(crashed, false), 1);
    }

    @Test
    void everyFlippedBitOfAPageAtHomeIsFound() throws Exception {
        TestStore closed = closedAfter(5);
        for (int page = 0; page < TestStore.PAGES; page++) {
            flipInPage(closed, page);
            ImageReport report = report(closed);
            assertDamaged(OptionalLong.of(5), "page " + page, "does not fit its checksum", report);
            assertEquals(List.of((long) page), report.damagedPages());
            flipInPage(closed, page);
        }
        assertIntact(5, report(closed));
    }

    @Test
    void aDamagedPageIsAcceptedOnDemandOnly() throws Exception {
        recordAddress();
        TestStore closed = closedAfter(5);
        flipInPage(closed, 3);
        DamagedImageException refusal = assertThrows(DamagedImageException.class, () -> repair(closed, false));
        assertTrue(refusal.getMessage().contains("page 3"), refusal.getMessage());
        expected.get(5)[3 * NativeCore.PAGE_SIZE + 1000] ^= 1 << 3;
        assertHolds(repair(closed, true), 5);
    }

    @Test
    void aPageThatTheLogRewritesNeedsNoChecksum() throws Exception {
        TestStore crashed = crashedAfter(0, 3);
        flipInPage(crashed, 2);
        assertEquals(List.of(), report(crashed).damagedPages());
    }

    @Test
    void oneBadCheckpointSlotIsNotedAndTwoAreBeyondRepair() throws Exception {
        TestStore crashed = crashedAfter(3, 5);
        TestStore.flip(crashed.home(), Checkpoint.offset(0) + 30, 1);
        ImageReport report = report(crashed);
        assertIntact(5, report);
        assertTrue(report.findings().stream()
                .anyMatch(finding -> finding.verdict() == Verdict.NOTE
                        && finding.text().contains("offset " + Checkpoint.offset(0))));
        TestStore.flip(crashed.home(), Checkpoint.offset(1) + 30, 1);
        assertDamaged(OptionalLong.empty(), "header", "offset " + Checkpoint.offset(0), report(crashed));
        assertThrows(DamagedImageException.class, () -> repair(crashed, true));
    }

    @Test
    void aMissingLogHarmsNoImageThatWasClosed() throws Exception {
        recordAddress();
        TestStore closed = closedAfter(5);
        Files.delete(closed.log(1));
        assertDamaged(OptionalLong.of(5), "log segment 1", "is missing", report(closed));
        assertHolds(repair(closed, false), 5);
    }

    @Test
    void aMissingLogOfAnImageInUseIsBeyondRepair() throws Exception {
        TestStore crashed = crashedAfter(3, 5);
        Files.delete(crashed.log(1));
        assertDamaged(OptionalLong.empty(), "log segment 1", "is missing", report(crashed));
    }

    @Test
    void aTruncatedLogGivesWhatItStillHolds() throws Exception {
        recordAddress();
        TestStore crashed = crashedAfter(0, 4);
        Path log = liveLog(crashed);
        TestStore.truncate(log, 2 * BATCH + 64);
        assertDamaged(
                OptionalLong.of(2),
                "log segment " + (log.equals(crashed.log(0)) ? 0 : 1),
                "truncated",
                report(crashed));
        assertHolds(repair(crashed, false), 2);
    }

    @Test
    void aRepairInPlaceKeepsTheDamagedFiles() throws Exception {
        recordAddress();
        TestStore crashed = crashedAfter(0, 4);
        TestStore.flip(liveLog(crashed), BATCH + 100, 0);
        Path log = liveLog(crashed);
        byte[] damagedLog = Files.readAllBytes(log);
        ImageFiles repaired = new ImageFiles(crashed.directory, "orders-repaired");
        ImageRepair repair = new ImageRepair(Cores.CORE);
        try (OfflineImage offline = OfflineImage.open(Cores.CORE, names(crashed))) {
            repair.write(offline, repaired, false);
        }
        assertEquals(".damaged", repair.replace(names(crashed), repaired, Purpose.REPAIR));
        assertArrayEquals(damagedLog, Files.readAllBytes(log.resolveSibling(log.getFileName() + ".damaged")));
        assertFalse(Files.exists(repaired.home()));
        assertHolds(crashed, 1);
        assertThrows(InvalidRegionException.class, () -> repair.replace(names(crashed), repaired, Purpose.REPAIR));
    }

    @Test
    void anImageInUseIsNotLookedAt() {
        try (StoreImage image = store.open()) {
            assertEquals(0, image.epoch());
            RegionBusyException busy =
                    assertThrows(RegionBusyException.class, () -> OfflineImage.open(Cores.CORE, names(store)));
            assertTrue(busy.getMessage().contains(store.home().toString()), busy.getMessage());
        }
    }

    @Test
    void aTargetThatIsThereIsLeftAlone() throws Exception {
        TestStore crashed = crashedAfter(0, 4);
        TestStore.flip(liveLog(crashed), BATCH + 100, 0);
        try (OfflineImage offline = OfflineImage.open(Cores.CORE, names(crashed))) {
            assertThrows(
                    InvalidRegionException.class,
                    () -> new ImageRepair(Cores.CORE).write(offline, names(store), false));
        }
    }

    private ImageFiles damagedInTheMiddle() throws Exception {
        recordAddress();
        TestStore crashed = crashedAfter(0, 4);
        TestStore.flip(liveLog(crashed), BATCH + 100, 0);
        return names(crashed);
    }

    private static void write(ImageFiles damaged, ImageFiles repaired) {
        try (OfflineImage offline = OfflineImage.open(Cores.CORE, damaged)) {
            new ImageRepair(Cores.CORE).write(offline, repaired, false);
        }
    }

    /** Killed before it was whole, or before it could say that it is. */
    @Test
    void whatARepairThatWasCutShortLeftIsInNoRepairsWay() throws Exception {
        ImageFiles damaged = damagedInTheMiddle();
        ImageFiles repaired = new ImageFiles(damaged.directory(), "orders-repaired");
        Files.write(repaired.unfinished(), new byte[100]);
        Files.write(repaired.log(0), new byte[100]);
        write(damaged, repaired);
        byte[] first = Files.readAllBytes(repaired.home());
        write(damaged, repaired);
        assertArrayEquals(first, Files.readAllBytes(repaired.home()));
        new ImageRepair(Cores.CORE).replace(damaged, repaired, Purpose.REPAIR);
        assertHolds(new TestStore(damaged.directory()), 1);
    }

    @Test
    void untilAReplacementHasEndedNobodyOpensOrCreatesTheRegion() throws Exception {
        ImageFiles damaged = damagedInTheMiddle();
        ImageFiles repaired = new ImageFiles(damaged.directory(), "orders-repaired");
        write(damaged, repaired);
        NativeStoreFiles files = new NativeStoreFiles(Cores.CORE);
        new Replacement(repaired.region(), ".damaged").begin(Cores.CORE, files, damaged);
        TestStore store = new TestStore(damaged.directory());
        for (boolean homeIsThere : new boolean[] {true, false}) {
            if (!homeIsThere) {
                Files.move(damaged.home(), damaged.home().resolveSibling("orders.vellum.damaged"));
            }
            for (long size : new long[] {TestStore.SIZE, 0}) {
                DamagedImageException refused = assertThrows(
                        DamagedImageException.class, () -> store.open(size, TestStore.LOG_SIZE, TestStore.IGNORE));
                assertTrue(
                        refused.getMessage().contains("./vellum verify " + damaged.home() + " --repair --in-place"),
                        refused.getMessage());
            }
            assertThrows(DamagedImageException.class, () -> OfflineImage.open(Cores.CORE, damaged));
        }
        assertEquals(
                ".damaged",
                new ImageRepair(Cores.CORE).finishReplacement(damaged).orElseThrow());
        assertFalse(new ImageRepair(Cores.CORE).finishReplacement(damaged).isPresent());
        assertHolds(store, 1);
    }

    @Test
    void theFilesOfAnEarlierRepairAreKeptBesideThoseOfALaterOne() throws Exception {
        ImageFiles damaged = damagedInTheMiddle();
        Files.write(damaged.home().resolveSibling("orders.vellum.damaged"), new byte[] {1});
        ImageFiles repaired = new ImageFiles(damaged.directory(), "orders-repaired");
        write(damaged, repaired);
        assertEquals(".damaged2", new ImageRepair(Cores.CORE).replace(damaged, repaired, Purpose.REPAIR));
        assertEquals(1, Files.size(damaged.home().resolveSibling("orders.vellum.damaged")));
        assertTrue(Files.exists(damaged.home().resolveSibling("orders.vellum.damaged2")));
    }

    @Test
    void anImageWithAnIdentityOfItsOwnHasTheContentAndNoAddress() throws Exception {
        recordAddress();
        TestStore closed = closedAfter(5);
        long before = closed.identity().identity();
        ImageFiles own = new ImageFiles(closed.directory, "orders-own");
        ImageRepair repair = new ImageRepair(Cores.CORE);
        try (OfflineImage offline = OfflineImage.open(Cores.CORE, names(closed))) {
            repair.write(offline, own, false, Purpose.OWN_IDENTITY);
        }
        assertEquals(".before", repair.replace(names(closed), own, Purpose.OWN_IDENTITY));
        try (StoreImage image = closed.open()) {
            assertEquals(0, image.address());
            assertEquals(5, image.epoch());
            assertArrayEquals(expected.get(5), TestStore.content(image));
            assertTrue(image.identity() != before);
        }
    }
}
