// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import java.nio.file.Path;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.nativelib.Batches;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.BatchBuilder;
import org.vellum.store.image.TestStore;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.StoreFile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class CommittedViewTest {
    @TempDir
    Path directory;

    @Test
    void aPageThatMayDifferFromHomeIsKnownEvenWhenTheApplyingFailsHalfWay() throws Exception {
        Batches failing = new Batches() {
            @Override
            public void forEachPage(long batch, long length, LongConsumer page) {
                Cores.CORE.batches().forEachPage(batch, length, page);
            }

            @Override
            public int apply(long batch, long length, long image, long imageLength) {
                Cores.CORE.batches().apply(batch, length, image, imageLength);
                throw new OutOfMemoryError("injected");
            }
        };
        NativeCore core = new Cores.Substitute(failing, Cores.CORE.files());
        TestStore store = new TestStore(directory);
        store.open().close();
        BatchBuilder changes = new BatchBuilder().line(3, 0, 1);
        try (StoreFile file = new NativeStoreFiles(Cores.CORE).open(store.home(), false);
                CommittedView view = new CommittedView(core, file, store.identity(), 0);
                NativeMemory batch = changes.build()) {
            assertThrows(OutOfMemoryError.class, () -> view.tryApply(1, batch.address(), changes.length()));
            PageSet updated = view.newPageSet();
            view.takeUpdated(updated);
            assertEquals(3, updated.next(0));
        }
    }
}
