// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Persistence;
import org.vellum.nativelib.internal.JnaNativePersistence;
import org.vellum.store.image.BatchBuilder;
import org.vellum.store.image.Images;
import org.vellum.store.image.TestStore;
import org.vellum.store.image.medium.MappedFiles.Demand;
import org.vellum.store.image.medium.RecordingFiles.Event;
import org.vellum.store.image.medium.RecordingFiles.Kind;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Files written through mappings: what reaches the file system, and what must not. */
class MappedFilesTest {
    private static final long PAGE = NativeCore.PAGE_SIZE;

    /** Closed with the process; the library is one for it. */
    private static final Persistence PROCESSOR = new JnaNativePersistence().forProcessor(false);

    @TempDir
    Path directory;

    private final RecordingFiles underneath = new RecordingFiles();
    private final List<String> steps = new ArrayList<>();
    private final MappedFiles files = files(Demand.NONE);
    private Path path;

    private MappedFiles files(Demand demand) {
        MappedFiles.Listener listener = new MappedFiles.Listener() {
            @Override
            public void mapped(Path mapped, long address, long length) {
                steps.add("mapped " + mapped.getFileName() + " " + length);
            }

            @Override
            public void unmapped(Path unmapped, long address) {
                steps.add("unmapped " + unmapped.getFileName());
            }
        };
        return new MappedFiles(
                underneath,
                Cores.CORE,
                new CountingPersistence(PROCESSOR, steps),
                demand,
                listener,
                List.of("a remark"));
    }

    @BeforeEach
    void nameTheFile() {
        path = directory.resolve("orders.vellum-log0");
    }

    private static NativeMemory filled(long length, int value) {
        NativeMemory memory = new NativeMemory(Cores.CORE, length);
        for (int i = 0; i < length; i++) {
            memory.view(0, (int) length).put(i, (byte) value);
        }
        return memory;
    }

    private static void write(StoreFile file, int value, long length, long offset) throws FileFailure {
        try (NativeMemory memory = filled(length, value)) {
            file.write(memory.address(), length, offset);
        }
    }

    @Test
    void whatIsWrittenIsTheContentOfTheFileAndNoCallToIt() throws Exception {
        try (StoreFile file = files.open(path, true)) {
            file.allocate(0, 2 * PAGE);
            file.syncData(PersistPoint.LOG_ZEROS);
            underneath.forget();
            steps.clear();

            write(file, 7, 100, PAGE - 3);
            file.syncData(PersistPoint.BATCH);

            assertEquals(List.of(), underneath.events());
            assertEquals(List.of("store 100", "fence " + PersistPoint.BATCH.number()), steps);
            byte[] content = Files.readAllBytes(path);
            assertEquals(2 * PAGE, content.length);
            assertEquals(0, content[(int) PAGE - 4]);
            assertEquals(7, content[(int) PAGE - 3]);
            assertEquals(7, content[(int) PAGE + 96]);
            assertEquals(0, content[(int) PAGE + 97]);
            try (NativeMemory back = new NativeMemory(Cores.CORE, 100)) {
                file.read(back.address(), 100, PAGE - 3);
                assertEquals(7, back.view(99, 1).get(0));
            }
        }
    }

    @Test
    void sizeAndBlocksAreMadeDurableByTheFileSystemOnce() throws Exception {
        try (StoreFile file = files.open(path, true)) {
            file.allocate(0, PAGE);
            write(file, 1, 64, 0);
            file.syncData(PersistPoint.LOG_ZEROS);
            file.syncData(PersistPoint.BATCH);
            assertEquals(1, syncs());
            file.truncate(0);
            file.syncData(PersistPoint.LOG_ZEROS);
            assertEquals(2, syncs());
        }
        try (StoreFile again = files.open(path, false)) {
            again.syncData(PersistPoint.BATCH);
            assertEquals(2, syncs());
        }
    }

    private long syncs() {
        return underneath.events().stream()
                .filter(event -> event.is(Kind.SYNC_DATA, "-log0"))
                .count();
    }

    /** A size that may not be durable must be asked for again, whatever else was fenced meanwhile. */
    @Test
    void aSyncThatFailedIsMadeAgain() throws Exception {
        try (StoreFile file = files.open(path, true)) {
            file.allocate(0, PAGE);
            underneath.hook(event -> {
                if (event.kind() == Kind.SYNC_DATA) {
                    throw new FileFailure("fdatasync of " + event.file(), Errno.EIO);
                }
            });
            assertThrows(FileFailure.class, () -> file.syncData(PersistPoint.LOG_ZEROS));
            underneath.hook(event -> {});
            file.syncData(PersistPoint.LOG_ZEROS);
            assertEquals(Kind.SYNC_DATA, last(underneath.events()).kind());
        }
    }

    private static Event last(List<Event> events) {
        return events.get(events.size() - 1);
    }

    @Test
    void aFileThatGrowsIsMappedAnew() throws Exception {
        try (StoreFile file = files.open(path, true)) {
            file.allocate(0, PAGE);
            write(file, 1, PAGE, 0);
            file.allocate(PAGE, PAGE);
            write(file, 2, PAGE, PAGE);
            file.truncate(PAGE);
            assertEquals(1, Files.readAllBytes(path)[(int) PAGE - 1]);
            FileFailure failure = assertThrows(FileFailure.class, () -> write(file, 3, 1, PAGE));
            assertEquals(Errno.EINVAL, failure.errno());
        }
        assertEquals(
                List.of(
                        "mapped orders.vellum-log0 4096",
                        "store 4096",
                        "unmapped orders.vellum-log0",
                        "mapped orders.vellum-log0 8192",
                        "store 4096",
                        "unmapped orders.vellum-log0",
                        "mapped orders.vellum-log0 4096",
                        "unmapped orders.vellum-log0"),
                steps);
    }

    @Test
    void whatIsNotOnDaxIsRefusedWhenThatIsDemanded() throws Exception {
        Files.write(path, new byte[(int) PAGE]);
        // on a machine with DAX the folder for temporary files is not on it
        FileFailure failure =
                assertThrows(FileFailure.class, () -> files(Demand.SYNCHRONOUS).open(path, false));
        assertEquals(Errno.EOPNOTSUPP, failure.errno());
        assertTrue(
                failure.getMessage().contains("MAP_SYNC")
                        && failure.getMessage().contains(path.toString()),
                failure.getMessage());
        assertTrue(failure.wayOut().contains("-o dax"), failure.wayOut());
        assertEquals(List.of(), steps);
    }

    /** The image is the same on every medium: what one wrote another reads. */
    @Test
    void anImageOnMappedFilesIsOneOfOrdinaryFiles() throws Exception {
        TestStore ordinary = new TestStore(directory);
        BatchBuilder changes = new BatchBuilder().line(3, 5, 9);
        byte[] expected = changes.appliedTo(new byte[(int) TestStore.SIZE]);
        try (StoreImage image = open()) {
            TestStore.commit(image, changes);
            assertTrue(image.remarks().contains("a remark"), image.remarks().toString());
        }
        ordinary.assertHomeHolds(expected);
        try (StoreImage image = ordinary.open()) {
            assertArrayEquals(expected, TestStore.content(image));
        }
    }

    @Test
    void aCommitIsStoresAndAFence() throws Exception {
        try (StoreImage image = open()) {
            image.recordAddress(0x10_0000_0000L);
            underneath.forget();
            steps.clear();
            TestStore.commit(image, new BatchBuilder().line(3, 5, 9));
            assertEquals(List.of(), underneath.events());
            assertEquals(List.of("store 192", "fence " + PersistPoint.BATCH.number()), steps);
        }
    }

    @Test
    void afterACrashTheLogIsReplayedFromTheFile() throws Exception {
        BatchBuilder changes = new BatchBuilder().page(2, 4);
        try (StoreImage image = open()) {
            TestStore.commit(image, changes);
            TestStore crashed = new TestStore(directory).crashImage(directory.resolve("crashed"));
            try (StoreImage recovered = crashed.open()) {
                assertEquals(1, recovered.epoch());
                assertArrayEquals(changes.appliedTo(new byte[(int) TestStore.SIZE]), TestStore.content(recovered));
            }
        }
    }

    /** Everything that was mapped is given back, at close and when an open fails. */
    @Test
    void nothingStaysMapped() throws Exception {
        open().close();
        Files.write(directory.resolve("orders.vellum-log1"), new byte[] {1}); // truncated
        assertThrows(org.vellum.api.DamagedImageException.class, this::open);
        long mapped = steps.stream().filter(step -> step.startsWith("mapped")).count();
        assertEquals(
                mapped,
                steps.stream().filter(step -> step.startsWith("unmapped")).count());
        assertFalse(mapped == 0);
    }

    private StoreImage open() {
        return Images.open(
                Cores.CORE,
                files,
                new ImageFiles(directory, TestStore.REGION),
                new org.vellum.api.provider.Store.Request(TestStore.REGION, null, TestStore.SIZE, TestStore.LOG_SIZE),
                TestStore.IGNORE);
    }
}
