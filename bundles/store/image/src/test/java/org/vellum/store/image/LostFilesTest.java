// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.provider.StoreImage;
import org.vellum.store.image.medium.InMemoryDirectory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Files that are deleted, renamed or replaced while the image is open. */
class LostFilesTest {
    @TempDir(factory = InMemoryDirectory.class)
    Path directory;

    private TestStore store;

    @BeforeEach
    void prepare() {
        store = new TestStore(directory.resolve("regions"));
    }

    private void assertLost(StoreImage image, Path file, String how) {
        String sentence = image.lost().orElseThrow();
        assertTrue(sentence.contains(file.toString()), sentence);
        assertTrue(sentence.contains(how), sentence);
    }

    @Test
    void nothingIsLostOfAnImageThatIsWhereItWas() {
        try (StoreImage image = store.open()) {
            assertEquals(Optional.empty(), image.lost());
        }
    }

    @Test
    void eachFileThatIsRenamedIsMissedAndIsThereAgainWhenItIsRenamedBack() throws Exception {
        try (StoreImage image = store.open()) {
            for (Path file : new Path[] {store.home(), store.log(0), store.log(1)}) {
                Path away = file.resolveSibling("away");
                Files.move(file, away);
                assertLost(image, file, "deleted or renamed");
                Files.move(away, file);
                assertEquals(Optional.empty(), image.lost());
            }
        }
    }

    @Test
    void aFolderThatIsRenamedTakesAllOfThemAlong() throws Exception {
        try (StoreImage image = store.open()) {
            Path away = directory.resolve("away");
            Files.move(store.directory, away);
            assertLost(image, store.home(), "deleted or renamed");
            Files.move(away, store.directory);
            assertEquals(Optional.empty(), image.lost());
        }
    }

    @Test
    void aCopyUnderTheSameNameIsAnotherFile() throws Exception {
        try (StoreImage image = store.open()) {
            Path copy = store.home().resolveSibling("copy");
            Files.copy(store.home(), copy);
            Files.move(copy, store.home(), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            assertLost(image, store.home(), "replaced by another one");
        }
    }

    /** The log that would be let go of is all that the files there have. */
    @Test
    void aTrimIsNotMadeOfAHomeImageThatNobodyFinds() throws Exception {
        byte[] expected = new byte[(int) TestStore.SIZE];
        try (StoreImage image = store.open()) {
            Path away = store.home().resolveSibling("away");
            Files.move(store.home(), away);
            int commits = 0;
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
            while (image.remarks().stream().noneMatch(remark -> remark.contains("cannot be trimmed"))) {
                if (commits < 24) { // more than a segment, less than the log
                    BatchBuilder changes = new BatchBuilder().line(commits % TestStore.PAGES, commits % 64, ++commits);
                    expected = changes.appliedTo(expected);
                    TestStore.commit(image, changes);
                }
                assertTrue(System.nanoTime() < end, "trimmed all the same");
                Thread.onSpinWait();
            }
            Files.move(away, store.home());
        }
        try (StoreImage image = store.open()) {
            assertArrayEquals(expected, TestStore.content(image));
        }
    }
}
