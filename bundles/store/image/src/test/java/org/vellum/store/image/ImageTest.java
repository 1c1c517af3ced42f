// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Holder;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.RecordingFiles;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

@Tag("slow")
class ImageTest {
    @TempDir
    Path directory;

    private TestStore store;

    @BeforeEach
    void prepare() {
        store = new TestStore(directory.resolve("regions"));
    }

    @Test
    void aNewImageHoldsZerosAndNoEpoch() {
        try (StoreImage image = store.open()) {
            assertEquals(TestStore.SIZE, image.size());
            assertEquals(0, image.epoch());
            assertEquals(0, image.address());
            assertEquals(0, image.homeOffset() % (2 << 20));
            assertEquals(TestStore.LOG_SIZE, image.logSize());
            assertArrayEquals(new byte[(int) TestStore.SIZE], TestStore.content(image));
        }
    }

    @Test
    void whatWasCommittedIsThereAfterReopening() throws Exception {
        long identity;
        BatchBuilder first = new BatchBuilder().line(0, 3, 7).line(5, 63, 9);
        BatchBuilder second = new BatchBuilder().line(0, 3, 8).page(2, 1);
        byte[] expected = second.appliedTo(first.appliedTo(new byte[(int) TestStore.SIZE]));
        try (StoreImage image = store.open()) {
            identity = image.identity();
            image.recordAddress(0x7000_0000_0000L);
            assertEquals(1, TestStore.commit(image, first));
            assertEquals(2, TestStore.commit(image, second));
            assertEquals(2, image.epoch());
        }
        store.assertHomeHolds(expected);
        try (StoreImage image = store.open(0, 0, TestStore.IGNORE)) {
            assertEquals(identity, image.identity());
            assertEquals(0x7000_0000_0000L, image.address());
            assertEquals(2, image.epoch());
            assertArrayEquals(expected, TestStore.content(image));
            assertEquals(List.of(), image.remarks());
        }
    }

    @Test
    void aThousandEpochsSurviveManyTrimsAndReopenings() throws Exception {
        Random random = new Random(1);
        byte[] expected = new byte[(int) TestStore.SIZE];
        List<Phase> phases = Collections.synchronizedList(new ArrayList<>());
        int epoch = 0;
        for (int opening = 0; opening < 5; opening++) {
            try (StoreImage image = store.open((region, phase) -> phases.add(phase))) {
                assertEquals(epoch, image.epoch());
                assertArrayEquals(expected, TestStore.content(image));
                for (int i = 0; i < 200; i++) {
                    BatchBuilder changes = new BatchBuilder();
                    for (int line = random.nextInt(12); line >= 0; line--) {
                        changes.line(random.nextInt(TestStore.PAGES), random.nextInt(64), random.nextInt(256));
                    }
                    expected = changes.appliedTo(expected);
                    assertEquals(++epoch, TestStore.commit(image, changes));
                }
            }
            store.assertHomeHolds(expected);
        }
        int trims = Collections.frequency(phases, Phase.TRIM);
        assertTrue(trims > 50, "trims: " + trims);
        assertEquals(TestStore.LOG_SIZE / 2, Files.size(store.log(0)), "the log was recycled, not grown");
    }

    @Test
    void oneSmallStoreIsLoggedInAtMost256Bytes() {
        try (StoreImage image = store.open()) {
            TestStore.commit(image, new BatchBuilder().line(1, 1, 1));
            assertEquals(192, image.loggedBytes());
        }
    }

    @Test
    void aBatchLargerThanASegmentMakesTheLogGrowAndIsRecovered() throws Exception {
        BatchBuilder everything = new BatchBuilder();
        for (int page = 0; page < TestStore.PAGES; page++) {
            everything.page(page, page + 1);
        }
        BatchBuilder before = new BatchBuilder().line(0, 0, 99);
        byte[] expected = everything.appliedTo(new byte[(int) TestStore.SIZE]);
        try (StoreImage image = store.open()) {
            TestStore.commit(image, before);
            TestStore.commit(image, everything);
            assertTrue(image.logSize() >= TestStore.LOG_SIZE / 2 + everything.length(), "log " + image.logSize());
            TestStore crashed = store.crashImage(directory.resolve("crashed"));
            try (StoreImage recovered = crashed.open()) {
                assertEquals(2, recovered.epoch());
                assertArrayEquals(expected, TestStore.content(recovered));
            }
        }
        try (StoreImage image = store.open()) {
            assertTrue(image.logSize() > TestStore.LOG_SIZE, "a grown log stays grown");
            assertArrayEquals(expected, TestStore.content(image));
        }
    }

    @Test
    void phasesAreReportedInTheOrderOfTheCommitPath() {
        List<String> phases = Collections.synchronizedList(new ArrayList<>());
        PhaseObserver observer = new PhaseObserver() {
            @Override
            public void entered(String region, Phase phase) {
                phases.add(region + " " + phase);
            }

            @Override
            public void left(String region, Phase phase) {
                phases.add(region + " left " + phase);
            }
        };
        try (StoreImage image = store.open(observer)) {
            TestStore.commit(image, new BatchBuilder().line(0, 0, 1));
            assertEquals(List.of("orders APPEND", "orders PERSIST", "orders HOME_UPDATE"), List.copyOf(phases));
            phases.clear();
            TestStore crashed = store.crashImage(directory.resolve("crashed"));
            crashed.open(observer).close();
            assertEquals(List.of("orders RECOVERY", "orders TRIM", "orders left TRIM"), List.copyOf(phases));
        }
    }

    @Test
    void aSecondOpenerIsToldWhoHoldsTheRegion() {
        try (StoreImage image = store.open()) {
            RegionBusyException busy = assertThrows(RegionBusyException.class, store::open);
            assertTrue(busy.getMessage().contains("'orders'"), busy.getMessage());
            assertTrue(
                    busy.getMessage()
                            .contains("this process (" + ProcessHandle.current().pid() + ")"),
                    busy.getMessage());
            assertEquals(0, image.epoch());
        }
        store.open().close();
    }

    @Test
    void aHolderThatIsGoneIsNotNamedAsTheHolder() throws Exception {
        Process ended = new ProcessBuilder("true").start();
        ended.waitFor();
        Holder self = Holder.self();
        String text = Holder.describe(new Holder(ended.pid(), self.host(), self.since()).encode());
        assertTrue(text.contains("still opening"), text);
        assertTrue(Holder.describe(new Holder(1, "elsewhere", "noon").encode()).contains("process 1 on elsewhere"));
        assertTrue(Holder.describe(new byte[0]).contains("not yet said"));
    }

    @Test
    void aRegionThatDoesNotExistIsOnlyCreatedWithASize() {
        InvalidRegionException missing =
                assertThrows(InvalidRegionException.class, () -> store.open(0, 0, TestStore.IGNORE));
        assertTrue(missing.getMessage().contains(store.home().toString()), missing.getMessage());
        assertFalse(Files.exists(store.directory));
    }

    @Test
    void aSizeThatIsNoMultipleOfThePageSizeIsRefused() {
        for (long size : new long[] {-1, 1, 4097, Long.MAX_VALUE, Long.MAX_VALUE & -4096}) {
            InvalidRegionException refused =
                    assertThrows(InvalidRegionException.class, () -> store.open(size, 0, TestStore.IGNORE));
            assertTrue(refused.getMessage().contains("'orders'"), refused.getMessage());
        }
    }

    @Test
    void aRegionLargerThanTheFreeSpaceIsRefusedAndLeavesNothingBehind() throws Exception {
        store.files.pretendFreeSpace(100_000);
        InvalidRegionException refused = assertThrows(
                InvalidRegionException.class, () -> store.open(1 << 20, TestStore.LOG_SIZE, TestStore.IGNORE));
        long needed = ImageIdentity.HEADER_SIZE + 256 * 4 + (1 << 20) + TestStore.LOG_SIZE;
        assertTrue(refused.getMessage().contains(needed + " bytes are needed"), refused.getMessage());
        assertTrue(refused.getMessage().contains("100000 are free"), refused.getMessage());
        assertLeftNothingBehind();
    }

    @Test
    void aDiskThatFillsUpDuringCreationLeavesNothingBehind() throws Exception {
        store.files.hook(event -> {
            if (event.kind() == RecordingFiles.Kind.ALLOCATE && event.offset() > 0) {
                throw new FileFailure("allocation (injected)", Errno.ENOSPC);
            }
        });
        InvalidRegionException refused = assertThrows(InvalidRegionException.class, store::open);
        assertTrue(refused.getMessage().contains("ENOSPC"), refused.getMessage());
        assertLeftNothingBehind();
        store.files.noHook();
        store.open().close();
    }

    private void assertLeftNothingBehind() throws Exception {
        try (Stream<Path> left = Files.list(store.directory)) {
            assertEquals(List.of(), left.toList());
        }
    }

    @Test
    void aFolderThatMayNotBeWrittenIsNamed() {
        store.files.failAlways(RecordingFiles.Kind.CREATE, ".new", Errno.EACCES);
        RegionException refused = assertThrows(RegionException.class, store::open);
        assertTrue(refused.getMessage().contains(store.directory.toString()), refused.getMessage());
        assertTrue(refused.getMessage().contains("EACCES"), refused.getMessage());
        assertTrue(refused.getMessage().contains("writable"), refused.getMessage());
    }

    @Test
    void aReadOnlyFolderIsNamed() throws Exception {
        Files.createDirectories(store.directory);
        Files.setPosixFilePermissions(store.directory, PosixFilePermissions.fromString("r-xr-xr-x"));
        assumeFalse(Files.isWritable(store.directory), "this user may write to a read-only folder");
        RegionException refused = assertThrows(RegionException.class, store::open);
        assertTrue(refused.getMessage().contains(store.directory.toString()), refused.getMessage());
        assertTrue(refused.getMessage().contains("EACCES"), refused.getMessage());
    }

    @Test
    void anUnfinishedCreationIsReplaced() throws Exception {
        Files.createDirectories(store.directory);
        Files.write(store.directory.resolve("orders.vellum.new"), new byte[100_000]);
        Files.write(store.log(0), new byte[77]);
        try (StoreImage image = store.open()) {
            assertEquals(0, image.epoch());
        }
        assertFalse(Files.exists(store.directory.resolve("orders.vellum.new")));
    }

    @Test
    void aLogWithoutItsHomeImageIsNotOverwritten() throws Exception {
        try (StoreImage image = store.open()) {
            TestStore.commit(image, new BatchBuilder().line(0, 0, 1));
        }
        byte[] log = Files.readAllBytes(store.log(0));
        Files.delete(store.home());
        DamagedImageException refused = assertThrows(DamagedImageException.class, store::open);
        assertTrue(refused.getMessage().contains(store.log(0).toString()), refused.getMessage());
        assertArrayEquals(log, Files.readAllBytes(store.log(0)));
    }

    @Test
    void anImageThatAnotherCreatorFinishesMeanwhileIsOpened() {
        TestStore other = new TestStore(store.directory);
        store.files.hook(event -> {
            if (event.kind() == RecordingFiles.Kind.CREATE_DIRECTORY) {
                try (StoreImage image = other.open()) {
                    TestStore.commit(image, new BatchBuilder().line(0, 0, 1));
                }
            }
        });
        try (StoreImage image = store.open()) {
            assertEquals(1, image.epoch());
        }
        assertFalse(Files.exists(store.directory.resolve("orders.vellum.new")));
    }

    @Test
    void anExistingImageKeepsItsSizeAndSaysSo() {
        store.open().close();
        try (StoreImage image = store.open(2 * TestStore.SIZE, 0, TestStore.IGNORE)) {
            assertEquals(TestStore.SIZE, image.size());
            assertTrue(
                    image.remarks().get(0).contains(Long.toString(2 * TestStore.SIZE)),
                    image.remarks().toString());
        }
    }

    @Test
    void twoImagesHaveTwoIdentities() {
        Store.Request other = new Store.Request("others", null, TestStore.SIZE, 0);
        ImageFiles names = new ImageFiles(store.directory, "others");
        try (StoreImage image = store.open();
                StoreImage second = Images.open(Cores.CORE, store.files, names, other, TestStore.IGNORE)) {
            assertNotEquals(image.identity(), second.identity());
            assertEquals(2L << 20, second.logSize());
        }
    }

    @Test
    void aNewImageHasNoAddressUntilOneIsRecorded() {
        try (StoreImage image = store.open()) {
            assertEquals(0, image.address());
            assertEquals(0, store.checkpoint().address());
        }
    }

    @Test
    void aClosedImageAcceptsNoBatchAndClosesOnce() {
        StoreImage image = store.open();
        image.close();
        image.close();
        BatchBuilder changes = new BatchBuilder().line(0, 0, 1);
        try (NativeMemory batch = changes.build()) {
            assertThrows(RegionClosedException.class, () -> image.persist(batch.address(), changes.length()));
            assertThrows(RegionClosedException.class, () -> image.apply(batch.address(), changes.length()));
        }
        assertThrows(RegionClosedException.class, image::forgetFailedBatch);
    }

    @Test
    void openingAFourGibibyteRegionReadsNoMoreThanItsHeader() throws Exception {
        long size = 4L << 30;
        try (StoreImage image = store.open(size, 0, TestStore.IGNORE)) {
            assertEquals(32L << 20, image.logSize());
            TestStore.commit(image, new BatchBuilder().line(size / NativeCore.PAGE_SIZE - 1, 63, 5));
        }
        store.files.forget();
        try (StoreImage image = store.open(0, 0, TestStore.IGNORE)) {
            assertTrue(store.files.bytesRead() < 4096, "read " + store.files.bytesRead());
            assertEquals(
                    5,
                    Cores.CORE
                            .memory()
                            .view(image.committedView() + size - 1, 1)
                            .get(0));
        }
    }
}
