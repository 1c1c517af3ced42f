// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.creation;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.nativelib.FileCalls;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.NativeStoreFiles;

import static org.junit.jupiter.api.Assertions.assertEquals;

class FoldersTest {
    @TempDir
    Path directory;

    private final List<Path> synced = new ArrayList<>();

    /** The native core, with a record of the folders synced. */
    private final FileCalls files = (FileCalls) Proxy.newProxyInstance(
            FileCalls.class.getClassLoader(), new Class<?>[] {FileCalls.class}, (proxy, method, arguments) -> {
                if (method.getName().equals("fsyncDirectory")) {
                    synced.add(Path.of((String) arguments[0]));
                }
                try {
                    return method.invoke(Cores.CORE.files(), arguments);
                } catch (InvocationTargetException e) {
                    throw e.getCause();
                }
            });

    private final NativeCore core = new Cores.Substitute(Cores.CORE.batches(), files);

    @Test
    void everyFolderCreatedIsDurableInItsParent() throws Exception {
        Folders.create(new NativeStoreFiles(core), directory.resolve("a/b"));
        assertEquals(List.of(directory.getParent(), directory, directory.resolve("a")), synced);
    }

    /** A run before this one may have been killed between creating the folder and making its name durable. */
    @Test
    void aFolderThatIsThereIsMadeDurableInItsParent() throws Exception {
        Files.createDirectory(directory.resolve("a"));
        Folders.create(new NativeStoreFiles(core), directory.resolve("a"));
        assertEquals(List.of(directory), synced);
    }
}
