package org.vellum.store.file;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.NativeStoreFiles;

/** Where the file store puts an image; what is in it is the image's own matter. */
class FileStoreTest {
    private static final PhaseObserver IGNORE = new PhaseObserver() {
        @Override
        public void entered(String region, Phase phase) {}
    };

    @TempDir
    Path directory;

    private FileStore store() {
        return new FileStore(Cores.CORE, new NativeStoreFiles(Cores.CORE), directory.resolve("regions"));
    }

    private static Store.Request request(Path folder) {
        return new Store.Request("orders", folder, 8L * NativeCore.PAGE_SIZE, 2L * NativeCore.PAGE_SIZE);
    }

    @Test
    void aRequestWithoutAFolderGoesToTheStoresOwn() {
        store().open(request(null), IGNORE).close();
        assertTrue(Files.exists(directory.resolve("regions/orders.vellum")));
    }

    @Test
    void aRequestMayNameItsOwnFolder() {
        Path folder = directory.resolve("a/b/c");
        store().open(request(folder), IGNORE).close();
        assertTrue(Files.exists(folder.resolve("orders.vellum")));
    }
}
