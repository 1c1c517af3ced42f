// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.DamagedImageException;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.BatchBuilder;
import org.vellum.store.image.TestStore;
import org.vellum.store.image.medium.InMemoryDirectory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A page that is not what was committed is found before an epoch is built on it. */
class FirstUseTest {
    @TempDir(factory = InMemoryDirectory.class)
    Path directory;

    private TestStore store;

    @BeforeEach
    void anImageWithContent() {
        store = new TestStore(directory);
        try (StoreImage image = store.open()) {
            for (int page = 0; page < TestStore.PAGES; page++) {
                TestStore.commit(image, new BatchBuilder().line(page, page % 64, page + 1));
            }
        }
    }

    private long offset(int page) {
        return store.identity().homeOffset() + (long) page * NativeCore.PAGE_SIZE;
    }

    private void assertNamesPage(DamagedImageException damaged, int page) {
        assertTrue(
                damaged.getMessage().contains(store.home() + ", offset " + offset(page) + ": page " + page),
                damaged.getMessage());
    }

    @Test
    void aCommitToADamagedPageFailsAndNamesIt() throws Exception {
        TestStore.flip(store.home(), offset(3) + 1000, 2);
        try (StoreImage image = store.open()) {
            long epoch = image.epoch();
            BatchBuilder changes = new BatchBuilder().line(3, 0, 77);
            for (int attempt = 0; attempt < 2; attempt++) {
                assertNamesPage(assertThrows(DamagedImageException.class, () -> TestStore.commit(image, changes)), 3);
                assertEquals(epoch, image.epoch());
            }
        }
    }

    /** As a home image has them whose first writes were lost: the checksum alone knows. */
    @Test
    void aPageThatReadsAsZerosIsDamagedTooUnlessItWasNeverWritten() throws Exception {
        TestStore.write(store.home(), offset(5), new byte[NativeCore.PAGE_SIZE]);
        try (StoreImage image = store.open()) {
            assertNamesPage(
                    assertThrows(
                            DamagedImageException.class,
                            () -> TestStore.commit(image, new BatchBuilder().line(5, 63, 1))),
                    5);
        }
    }

    @Test
    void damageElsewhereKeepsNobodyFromCommitting() throws Exception {
        int pages = 64;
        long size = (long) pages * NativeCore.PAGE_SIZE;
        store = new TestStore(directory.resolve("larger"));
        store.open(size, TestStore.LOG_SIZE, TestStore.IGNORE).close();
        TestStore.flip(store.home(), offset(pages - 1), 0);
        try (StoreImage image = store.open(size, TestStore.LOG_SIZE, TestStore.IGNORE)) {
            assertEquals(1, TestStore.commit(image, new BatchBuilder().line(0, 0, 5)));
            assertNamesPage(
                    assertThrows(
                            DamagedImageException.class,
                            () -> TestStore.commit(image, new BatchBuilder().line(pages - 2, 0, 5))),
                    pages - 1);
        }
    }

    @Test
    void whatIsCopiedElsewhereIsComparedBefore() throws Exception {
        TestStore.flip(store.home(), offset(2), 5);
        try (StoreImage image = store.open()) {
            assertNamesPage(
                    assertThrows(DamagedImageException.class, () -> image.requireIntact(0, TestStore.PAGES)), 2);
        }
    }

    @Test
    void whatThisOpeningHasWrittenIsNotComparedWithWhatWasThereBefore() {
        byte[] expected;
        try (StoreImage image = store.open()) {
            for (int i = 0; i < 200; i++) { // trims among them
                TestStore.commit(image, new BatchBuilder().line(i % TestStore.PAGES, i % 64, i));
                image.requireIntact(0, TestStore.PAGES);
            }
            expected = TestStore.content(image);
        }
        try (StoreImage image = store.open()) {
            image.requireIntact(0, TestStore.PAGES);
            assertArrayEquals(expected, TestStore.content(image));
        }
    }
}
