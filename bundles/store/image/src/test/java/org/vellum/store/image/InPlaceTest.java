// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vellum.api.CommitException;
import org.vellum.api.DamagedImageException;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.InPlace;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.UndoHeader;
import org.vellum.store.image.format.UndoSlot;
import org.vellum.store.image.log.Log;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.FailingSync;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.InMemoryDirectory;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFiles;
import org.vellum.store.image.medium.TornMemory;
import org.vellum.store.image.offline.ImageRepair;
import org.vellum.store.image.offline.ImageReport;
import org.vellum.store.image.offline.OfflineImage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Images written in place: what damage of the undo file is found, and what a failing medium may do. Over 400 lines,
 * because all cases share one life of an image and the content that is committed in it.
 */
class InPlaceTest {
    private static final int PAGES = TestStore.PAGES;

    @TempDir(factory = InMemoryDirectory.class)
    Path directory;

    private TornMemory memory;
    private FailingSync files;
    /** Content of the last committed epoch. */
    private byte[] expected = new byte[(int) TestStore.SIZE];

    @BeforeEach
    void prepare() {
        memory = new TornMemory(directory.resolve("running"), 0);
        files = new FailingSync(memory.files());
    }

    private static StoreImage open(Path folder, StoreFiles files) {
        Store.Request request = new Store.Request(TestStore.REGION, null, TestStore.SIZE, TestStore.LOG_SIZE);
        return Images.open(Cores.CORE, files, new ImageFiles(folder, TestStore.REGION), request, TestStore.IGNORE);
    }

    private StoreImage open() {
        return open(memory.directory, files.files());
    }

    private static ImageFiles names(TornMemory of) {
        return new ImageFiles(of.directory, TestStore.REGION);
    }

    private InPlaceWriter begin(StoreImage image) {
        InPlace places = image.beginInPlace().orElseThrow();
        return new InPlaceWriter(memory, places, new TestStore(memory.directory).identity());
    }

    private void change(int page, int line, int value) {
        expected = new BatchBuilder().line(page, line, value).appliedTo(expected);
    }

    private void commitInPlace(InPlaceWriter writer, int page, int line, int value) {
        writer.store(page, line, value);
        change(page, line, value);
        writer.commit();
    }

    private void commit(StoreImage image, int page, int line, int value) {
        change(page, line, value);
        TestStore.commit(image, new BatchBuilder().line(page, line, value));
    }

    /** Two epochs, the second in place, and stores to pages 3, 5 and 6 that are not committed; then killed. */
    private TornMemory crashed() {
        try (StoreImage image = open()) {
            commit(image, 3, 0, 1);
            InPlaceWriter writer = begin(image);
            commitInPlace(writer, 5, 0, 2);
            writer.store(3, 0, 9);
            writer.store(5, 0, 9);
            writer.store(6, 0, 9);
            return memory.killed(directory.resolve("crashed"));
        }
    }

    private static Map<Path, byte[]> contents(Path folder) {
        try (Stream<Path> all = Files.list(folder)) {
            Map<Path, byte[]> contents = new TreeMap<>();
            for (Path file : all.toList()) {
                contents.put(file, Files.readAllBytes(file));
            }
            return contents;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String refuses(TornMemory crashed, String where) {
        Map<Path, byte[]> before = contents(crashed.directory);
        DamagedImageException damaged =
                assertThrows(DamagedImageException.class, () -> open(crashed.directory, crashed.files()), where);
        Map<Path, byte[]> after = contents(crashed.directory);
        assertEquals(before.keySet(), after.keySet());
        before.forEach((file, bytes) -> assertArrayEquals(bytes, after.get(file), file + " was written to"));
        assertTrue(damaged.getMessage().contains(where), damaged.getMessage());
        try (OfflineImage offline = OfflineImage.open(Cores.CORE, names(crashed))) {
            assertEquals(OptionalLong.empty(), offline.report().intactEpoch());
            assertTrue(offline.report().damaged());
        }
        return damaged.getMessage();
    }

    private static String at(TornMemory crashed, long offset) {
        return names(crashed).undo() + ", offset " + offset + ":";
    }

    private void recovers(TornMemory crashed) {
        try (StoreImage image = open(crashed.directory, crashed.files())) {
            assertEquals(2, image.epoch());
            assertArrayEquals(expected, TestStore.content(image));
        }
    }

    private static long slot(int index) {
        return UndoHeader.slotHeader(index);
    }

    private static long content(int index) {
        return UndoHeader.slotContent(PAGES, index);
    }

    @Test
    void whatWasNotCommittedIsPutBackAndTheRegionsStatusTellsIt() {
        TornMemory crashed = crashed();
        try (StoreImage image = open(crashed.directory, crashed.files())) {
            assertTrue(
                    image.remarks().contains("recovered to epoch 2: 3 pages written in place put back"),
                    image.remarks().toString());
        }
        recovers(crashed);
    }

    /** Whoever opens it next: recovery needs no mapping. */
    @Test
    void anOrdinaryStoreRecoversAnImageWrittenInPlace() {
        TornMemory crashed = crashed();
        try (StoreImage image = new TestStore(crashed.directory).open()) {
            assertEquals(2, image.epoch());
            assertArrayEquals(expected, TestStore.content(image));
            assertEquals(Optional.empty(), image.beginInPlace());
            TestStore.commit(image, new BatchBuilder().line(0, 0, 1));
        }
    }

    @Test
    void everyFlippedBitOfTheUndoFilesHeaderIsFound() throws Exception {
        TornMemory crashed = crashed();
        Path undo = names(crashed).undo();
        for (int at = 0; at < UndoHeader.EPOCH_WORD_AT + 8; at++) {
            for (int bit = 0; bit < 8; bit++) {
                TestStore.flip(undo, at, bit);
                refuses(crashed, at(crashed, at < UndoHeader.EPOCH_WORD_AT ? 0 : UndoHeader.EPOCH_WORD_AT));
                TestStore.flip(undo, at, bit);
            }
        }
        recovers(crashed);
    }

    @Test
    void everyFlippedBitOfASlotThatALaterOneCallsDurableIsFound() throws Exception {
        TornMemory crashed = crashed();
        Path undo = names(crashed).undo();
        for (int at = 0; at < UndoSlot.SIZE; at++) {
            for (int bit = 0; bit < 8; bit++) {
                TestStore.flip(undo, slot(1) + at, bit);
                refuses(crashed, at(crashed, slot(1)));
                TestStore.flip(undo, slot(1) + at, bit);
            }
        }
        for (int at = 0; at < NativeCore.PAGE_SIZE; at += 97) {
            TestStore.flip(undo, content(1) + at, at % 8);
            refuses(crashed, at(crashed, slot(1)));
            TestStore.flip(undo, content(1) + at, at % 8);
        }
        recovers(crashed);
    }

    /** Nothing says that it was durable, but its page does not hold what was committed. */
    @Test
    void theLastSlotIsDamagedIfItsPageWasStoredTo() throws Exception {
        TornMemory crashed = crashed();
        Path undo = names(crashed).undo();
        TestStore.flip(undo, content(2) + 5, 5);
        String message = refuses(crashed, at(crashed, slot(2)));
        assertTrue(message.contains("page 6"), message);
        TestStore.flip(undo, content(2) + 5, 5);
        recovers(crashed);
    }

    /** Its store was never allowed; one that another thread wrote meanwhile is durable all the same. */
    @Test
    void aTornSlotIsNoDamageWhereItsPageWasNotStoredTo() throws Exception {
        TornMemory crashed;
        try (StoreImage image = open()) {
            commit(image, 3, 0, 1);
            InPlaceWriter writer = begin(image);
            commitInPlace(writer, 5, 0, 2);
            writer.store(3, 0, 9);
            writer.log(4, 1, 1);
            writer.log(6, 2, 1);
            writer.store(6, 0, 9);
            crashed = memory.killed(directory.resolve("crashed"));
        }
        TestStore.flip(names(crashed).undo(), content(1) + 5, 5);
        TornMemory again = crashed.killed(directory.resolve("again"));
        TestStore.write(names(again).undo(), slot(1), new byte[UndoSlot.SIZE]);
        recovers(crashed);
        recovers(again);
    }

    @Test
    void aSlotThatNamesAPageOutsideOrTwiceIsRefused() {
        for (int page : new int[] {PAGES, 3}) {
            TornMemory crashed;
            memory = new TornMemory(directory.resolve("running" + page), 0);
            files = new FailingSync(memory.files());
            try (StoreImage image = open()) {
                InPlaceWriter writer = begin(image);
                writer.store(3, 0, 9);
                writer.log(page, 1, 1);
                crashed = memory.killed(directory.resolve("crashed" + page));
            }
            refuses(crashed, at(crashed, slot(1)));
        }
    }

    @Test
    void aMissingTruncatedForeignOrOlderUndoFileIsRefused() throws Exception {
        TornMemory crashed = crashed();
        Path undo = names(crashed).undo();
        byte[] own = Files.readAllBytes(undo);

        Files.delete(undo);
        DamagedImageException missing =
                assertThrows(DamagedImageException.class, () -> open(crashed.directory, crashed.files()));
        assertTrue(missing.getMessage().contains(undo + " is missing"), missing.getMessage());

        Files.write(undo, java.util.Arrays.copyOf(own, own.length - 1));
        refuses(crashed, at(crashed, own.length - 1));

        memory = new TornMemory(directory.resolve("other"), 0);
        files = new FailingSync(memory.files());
        try (StoreImage other = open()) {
            begin(other);
            Files.copy(names(memory).undo(), undo, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
        assertTrue(refuses(crashed, at(crashed, 0)).contains("belongs to region identity"));

        Files.write(undo, own);
        try (StoreImage image = open(crashed.directory, crashed.files())) {
            TestStore.commit(image, new BatchBuilder().line(0, 0, 1));
            image.beginInPlace().orElseThrow();
            Files.write(undo, own);
            TornMemory mixed = crashed.killed(directory.resolve("mixed"));
            assertTrue(refuses(mixed, at(mixed, UndoHeader.EPOCH_WORD_AT)).contains("not of one moment"));
        }
    }

    @Test
    void aBatchBehindTheBeginningIsRefused() throws Exception {
        TornMemory crashed = crashed();
        TestStore store = new TestStore(crashed.directory);
        long generation = store.checkpoint().generation();
        Path log = store.log(Log.index(generation));
        byte[] before = TestStore.read(log, 0, 256);
        TestStore.write(
                log,
                0,
                TestStore.sealed(
                        new BatchBuilder().line(0, 0, 1),
                        3,
                        2,
                        generation,
                        0,
                        store.identity().identity()));
        DamagedImageException damaged =
                assertThrows(DamagedImageException.class, () -> open(crashed.directory, crashed.files()));
        assertTrue(damaged.getMessage().contains("opened in place at epoch 1"), damaged.getMessage());
        TestStore.write(log, 0, before);
        recovers(crashed);
    }

    @Test
    void anOfflineCheckShowsTheCommittedEpochAndARepairBringsItBack() {
        TornMemory crashed = crashed();
        ImageFiles repaired = new ImageFiles(directory.resolve("repaired"), TestStore.REGION);
        try (OfflineImage offline = OfflineImage.open(Cores.CORE, names(crashed))) {
            ImageReport report = offline.report();
            assertFalse(report.damaged(), report.findings().toString());
            assertEquals(OptionalLong.of(2), report.intactEpoch());
            new ImageRepair(Cores.CORE).write(offline, repaired, false);
        }
        try (StoreImage image = new TestStore(repaired.directory()).open()) {
            assertEquals(2, image.epoch());
            assertArrayEquals(expected, TestStore.content(image));
        }
    }

    /** What a failed begin has left on the device must not be taken for a region written in place. */
    @ParameterizedTest
    @EnumSource(names = {"UNDO_HEADER", "HOME_PAGES", "CHECKPOINT", "CHECKPOINT_COPY"})
    void aBeginThatFailsLeavesAnImageThatIsLogged(PersistPoint failing) {
        try (StoreImage image = open()) {
            commit(image, 3, 0, 1);
            files.fail(failing);
            RegionException failure = assertThrows(RegionException.class, image::beginInPlace);
            assertTrue(failure.getMessage().contains("region 'orders'"), failure.getMessage());
            assertEquals(1, image.epoch());
            files.fail(null);
            commit(image, 4, 0, 2);
            recovers(memory.killed(directory.resolve("crashed")));

            InPlaceWriter writer = begin(image);
            assertEquals(3, (writerCommit(writer)));
            image.endInPlace(3);
            assertArrayEquals(expected, TestStore.content(image));
        }
    }

    private long writerCommit(InPlaceWriter writer) {
        commitInPlace(writer, 7, 7, 7);
        return writer.epoch();
    }

    @Test
    void nothingIsAcceptedWhileTheDeviceMayCallTheImageWrittenInPlace() {
        try (StoreImage image = open()) {
            commit(image, 3, 0, 1);
            files.fail(PersistPoint.CHECKPOINT_COPY);
            assertThrows(RegionException.class, image::beginInPlace);
            BatchBuilder changes = new BatchBuilder().line(4, 0, 2);
            try (NativeMemory batch = changes.build()) {
                CommitException refused =
                        assertThrows(CommitException.class, () -> image.persist(batch.address(), changes.length()));
                assertTrue(refused.getMessage().contains("No batch is accepted"), refused.getMessage());
            }
            files.fail(null);
            commit(image, 4, 0, 2);
            recovers(memory.killed(directory.resolve("crashed")));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"CHECKPOINT", "CHECKPOINT_COPY"})
    void anEndThatFailsMayBeRepeatedOrLeftToTheNextOpen(PersistPoint failing) {
        for (boolean repeat : new boolean[] {true, false}) {
            memory = new TornMemory(directory.resolve("running " + repeat), 0);
            files = new FailingSync(memory.files());
            expected = new byte[(int) TestStore.SIZE];
            StoreImage image = open();
            InPlaceWriter writer = begin(image);
            commitInPlace(writer, 1, 1, 1);
            commitInPlace(writer, 2, 2, 2);
            files.fail(failing);
            assertThrows(RegionException.class, () -> image.endInPlace(2));
            recovers(memory.killed(directory.resolve("crashed " + repeat)));
            assertEquals(2, image.epoch());
            files.fail(null);
            if (repeat) {
                image.endInPlace(2);
                commit(image, 3, 3, 3);
                assertArrayEquals(expected, TestStore.content(image));
                image.close();
            } else {
                image.close();
                assertTrue(image.isWrittenBack(), "the home image holds the last epoch");
                recovers(memory);
            }
        }
    }

    @Test
    void withoutRoomForAllPreImagesTheImageStaysLogged() {
        try (StoreImage image = open()) {
            files.failAllocation(true);
            RegionException full = assertThrows(RegionException.class, image::beginInPlace);
            assertTrue(full.getMessage().contains("no undo file of "), full.getMessage());
            assertFalse(Files.exists(names(memory).undo()));
            files.failAllocation(false);
            commit(image, 0, 0, 1);
        }
    }

    @Test
    void eachWayRefusesTheOthersCalls() {
        StoreImage image = open();
        assertThrows(IllegalStateException.class, () -> image.endInPlace(0));
        InPlaceWriter writer = begin(image);
        assertThrows(IllegalStateException.class, image::beginInPlace);
        assertThrows(IllegalStateException.class, () -> image.persist(0, 0));
        assertThrows(IllegalStateException.class, () -> image.apply(0, 0));
        commitInPlace(writer, 0, 0, 1);
        assertThrows(IllegalArgumentException.class, () -> image.endInPlace(0));
        image.endInPlace(1);
        image.close();
        assertTrue(image.isWrittenBack());
        assertThrows(RegionClosedException.class, image::beginInPlace);
        assertThrows(RegionClosedException.class, () -> image.endInPlace(1));
    }

    @Test
    void aCloseWithoutAnEndIsLeftToRecovery() {
        StoreImage image = open();
        InPlaceWriter writer = begin(image);
        commitInPlace(writer, 1, 1, 1);
        commitInPlace(writer, 1, 2, 1);
        writer.store(1, 1, 9);
        image.close();
        assertFalse(image.isWrittenBack(), "the file holds what was not committed");
        assertEquals(2, image.epoch());
        recovers(memory);
    }
}
