// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.vellum.api.CommitException;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.FaultyFiles;
import org.vellum.store.image.medium.FaultyFiles.Kind;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.PersistPoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A write that fails once loses nothing, though the file system forgets for good what it could not write to a block
 * that nothing was written to before.
 */
class FirstWriteTest {
    private static final ImageFiles NAMES = new ImageFiles(Path.of("/regions"), TestStore.REGION);
    private static final int PAGES = 64;

    private static StoreImage open(FaultyFiles files) {
        return Images.open(
                Cores.CORE,
                files,
                NAMES,
                new Store.Request(TestStore.REGION, null, (long) PAGES * NativeCore.PAGE_SIZE, TestStore.LOG_SIZE),
                TestStore.IGNORE);
    }

    @Test
    void pagesThatGoHomeForTheFirstTimeSurviveAnErrorThatPasses() {
        FaultyFiles files = new FaultyFiles(NAMES.directory());
        byte[] expected = new byte[PAGES * NativeCore.PAGE_SIZE];
        try (StoreImage image = open(files)) {
            boolean[] failed = new boolean[1];
            files.hook((index, call) -> {
                boolean fails = call.point() == PersistPoint.HOME_PAGES && !failed[0];
                failed[0] |= fails;
                return fails ? Errno.EIO : 0;
            });
            // one trim that fails, is made again, and lets go of the log; and more, which write other pages
            for (int i = 0; i < 200; i++) {
                BatchBuilder changes = new BatchBuilder().line(i % PAGES, i % 64, i + 1);
                expected = changes.appliedTo(expected);
                try {
                    TestStore.commit(image, changes);
                } catch (CommitException waitedForTheTrimThatFailed) {
                    TestStore.commit(image, changes);
                }
            }
            assertTrue(failed[0]);
            FaultyFiles rest = files.afterPowerCut(null);
            try (StoreImage recovered = open(rest)) {
                assertEquals(200, recovered.epoch());
                assertArrayEquals(expected, TestStore.content(recovered));
            }
        }
    }

    @Test
    void nothingIsLeftToBeMadeRealWhenAnImageIsOpened() {
        FaultyFiles files = new FaultyFiles(NAMES.directory());
        try (StoreImage made = open(files)) {
            assertEquals(List.of(), made.remarks());
        }
        FaultyFiles again = files.afterPowerCut(null);
        try (StoreImage image = open(again)) {
            assertEquals(List.of(), image.remarks());
            assertTrue(again.calls().stream().anyMatch(call -> call.kind() == Kind.MAKE_REAL), "looked for");
        }
    }

    /** As builds before this one have made them, and sparse copies. */
    @Test
    void anImageWithHolesGetsBlocksWhenItIsOpened() {
        FaultyFiles files = new FaultyFiles(NAMES.directory());
        open(files).close();
        FaultyFiles sparse = files.afterPowerCut(null);
        sparse.forgetBlocks(NAMES.home());
        try (StoreImage image = open(sparse)) {
            assertTrue(
                    image.remarks().stream().anyMatch(remark -> remark.contains("had no written blocks")),
                    image.remarks()::toString);
        }
    }
}
