// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.creation;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.store.image.BatchBuilder;
import org.vellum.store.image.TestStore;
import org.vellum.store.image.home.Header;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.InMemoryDirectory;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.RecordingFiles;
import org.vellum.store.image.medium.RecordingFiles.Kind;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Images written by format version 1: one closed, one left by a killed process in the middle of its log. */
class UpgradeTest {
    private static final List<String> IMAGES = List.of("version-1-closed.zip", "version-1-in-use.zip");
    private static final int EPOCHS = 30;
    private static final long ADDRESS = 0x7000_0000_0000L;

    @TempDir(factory = InMemoryDirectory.class)
    Path directory;

    private byte[] content = new byte[(int) TestStore.SIZE];

    /** What the build of that version was made to commit. */
    @BeforeEach
    void commit() {
        for (int epoch = 1; epoch <= EPOCHS; epoch++) {
            content = new BatchBuilder()
                    .line(epoch % 8, epoch, epoch)
                    .line(7, 63, epoch)
                    .appliedTo(content);
        }
    }

    private TestStore unpack(String image, String folder) throws Exception {
        TestStore store = new TestStore(directory.resolve(folder));
        Files.createDirectories(store.directory);
        try (InputStream resource = UpgradeTest.class.getResourceAsStream("/" + image);
                ZipInputStream zip = new ZipInputStream(resource)) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                Files.copy(zip, store.directory.resolve(entry.getName()));
            }
        }
        assertEquals(1, store.header().version());
        return store;
    }

    private void holdsEverything(TestStore store) throws Exception {
        try (StoreImage opened = store.open()) {
            assertEquals(EPOCHS, opened.epoch());
            assertEquals(ADDRESS, opened.address());
            assertArrayEquals(content, TestStore.content(opened));
        }
        assertEquals(2, store.header().version());
        store.assertHomeHolds(content);
    }

    @Test
    void anImageOfVersionOneIsOpenedAndIsOfVersionTwoThen() throws Exception {
        for (String image : IMAGES) {
            TestStore store = unpack(image, image);
            long identity = store.identity().identity();
            holdsEverything(store);
            assertEquals(identity, store.identity().identity());
            assertFalse(Files.exists(store.directory.resolve("orders.vellum.new")));
            try (StoreImage opened = store.open()) {
                assertEquals(List.of(), opened.remarks());
                assertEquals(EPOCHS + 1, TestStore.commit(opened, new BatchBuilder().line(0, 0, 1)));
            }
        }
    }

    @Test
    void theUpgradeIsToldAsARemark() throws Exception {
        try (StoreImage opened = unpack(IMAGES.get(0), "closed").open()) {
            assertTrue(
                    opened.remarks().get(0).contains("format version 1"),
                    opened.remarks().toString());
        }
    }

    /** Every crash image of the upgrade and of the recovery behind it opens to the same. */
    @Test
    void aCrashAtAnyCallLeavesAnImageThatOpens() throws Exception {
        for (String image : IMAGES) {
            TestStore store = unpack(image, image);
            List<Path> crashes = new ArrayList<>();
            store.files.hook(event -> {
                Path crash = directory.resolve(image + crashes.size());
                crashes.add(crash);
                store.crashImage(crash);
            });
            store.open().close();
            store.files.noHook();
            assertTrue(crashes.size() > 10, "crashes: " + crashes.size());
            for (Path crash : crashes) {
                TestStore crashed = new TestStore(crash);
                holdsEverything(crashed);
                crashed.delete();
            }
        }
    }

    /** The rename must not be durable before what it names. */
    @Test
    void theCopyIsDurableBeforeItIsNamed() throws Exception {
        TestStore store = unpack(IMAGES.get(0), "closed");
        store.open().close();
        List<RecordingFiles.Event> events = store.files.events();
        int renamed = -1;
        int lastWrite = -1;
        for (int i = 0; i < events.size() && renamed < 0; i++) {
            if (events.get(i).is(Kind.WRITE, ".new")) {
                lastWrite = i;
            } else if (events.get(i).kind() == Kind.RENAME) {
                renamed = i;
            }
        }
        assertTrue(lastWrite > 0 && renamed > lastWrite, events.toString());
        assertTrue(events.subList(lastWrite, renamed).stream().anyMatch(event -> event.is(Kind.SYNC_DATA, ".new")));
        // and the name before anything is written to what has it now
        int named = renamed;
        while (events.get(named).kind() != Kind.SYNC_DIRECTORY) {
            named++;
            assertFalse(events.get(named).is(Kind.WRITE, ".vellum"), events.toString());
        }
    }

    @Test
    void aDiskWithoutRoomForTheCopyChangesNothing() throws Exception {
        TestStore store = unpack(IMAGES.get(1), "in-use");
        byte[] home = Files.readAllBytes(store.home());
        store.files.failOnce(Kind.ALLOCATE, ".new", Errno.ENOSPC);
        InvalidRegionException full = assertThrows(InvalidRegionException.class, store::open);
        assertTrue(full.getMessage().contains("format version 1 and is copied once"), full.getMessage());
        assertArrayEquals(home, Files.readAllBytes(store.home()));
        assertFalse(Files.exists(store.directory.resolve("orders.vellum.new")));
        store.files.noHook();
        holdsEverything(store);
    }

    /** Opened before the other opener's rename, locked after it was done: the file we hold has no name any more. */
    @Test
    void anImageThatAnotherOpenerUpgradedMeanwhileIsNotUpgradedAgain() throws Exception {
        TestStore store = unpack(IMAGES.get(1), "in-use");
        StoreFiles files = new NativeStoreFiles(Cores.CORE);
        try (StoreFile old = files.open(store.home(), false)) {
            store.open().close();
            assertTrue(old.lock());
            Header header = Header.read(Cores.CORE, old, TestStore.REGION);
            Upgrade upgrade = new Upgrade(Cores.CORE, files, new ImageFiles(store.directory, TestStore.REGION));
            assertThrows(RegionBusyException.class, () -> upgrade.run(old, header));
        }
        holdsEverything(store);
    }

    @Test
    void aDamagedHeaderOfVersionOneIsRefused() throws Exception {
        TestStore store = unpack(IMAGES.get(1), "in-use");
        for (long offset : new long[] {0, 4096}) {
            TestStore.flip(store.home(), offset + 24, 0);
            DamagedImageException damaged = assertThrows(DamagedImageException.class, store::open);
            assertTrue(damaged.getMessage().contains(", offset " + offset + ":"), damaged.getMessage());
            assertEquals(List.of(), store.files.events());
            TestStore.flip(store.home(), offset + 24, 0);
        }
        holdsEverything(store);
    }
}
