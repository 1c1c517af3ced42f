// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
        NativeCore failing = (NativeCore) Proxy.newProxyInstance(
                NativeCore.class.getClassLoader(), new Class<?>[] {NativeCore.class}, (proxy, method, arguments) -> {
                    try {
                        Object result = method.invoke(Cores.CORE, arguments);
                        if (method.getName().equals("batchApply")) {
                            throw new OutOfMemoryError("injected");
                        }
                        return result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
        TestStore store = new TestStore(directory);
        store.open().close();
        BatchBuilder changes = new BatchBuilder().line(3, 0, 1);
        try (StoreFile file = new NativeStoreFiles(Cores.CORE).open(store.home(), false);
                CommittedView view = new CommittedView(failing, file, store.identity(), 0);
                NativeMemory batch = changes.build()) {
            assertThrows(OutOfMemoryError.class, () -> view.tryApply(1, batch.address(), changes.length()));
            PageSet updated = view.newPageSet();
            view.takeUpdated(updated);
            assertEquals(3, updated.next(0));
        }
    }
}
