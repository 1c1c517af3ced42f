// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.NativeStoreFiles;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

    @Test
    void itHasWhatWasCreatedAndLookingForItCreatesNothing() {
        FileStore store = store();
        assertEquals(Store.Presence.ABSENT, store.presence(request(null)));
        assertFalse(Files.exists(directory.resolve("regions")));
        store.open(request(null), IGNORE).close();
        assertEquals(Store.Presence.HERE, store.presence(request(null)));
    }

    @Test
    void anImageThatIsDamagedOrOpenIsThere() throws IOException {
        FileStore store = store();
        try (StoreImage open = store.open(request(null), IGNORE)) {
            assertEquals(Store.Presence.HERE, store.presence(request(null)));
            assertEquals(0, open.epoch());
        }
        Files.write(directory.resolve("regions/orders.vellum"), new byte[10]);
        assertEquals(Store.Presence.HERE, store.presence(request(null)));
    }

    @Test
    void aChangedFolderIsForImagesThatAreOpenedFromThenOn() {
        FileStore store = store();
        try (StoreImage open = store.open(request(null), IGNORE)) {
            store.configure(Map.of("directory", directory.resolve("other").toString()));
            store.open(request(null), IGNORE).close();
            assertEquals(0, open.epoch());
        }
        assertTrue(Files.exists(directory.resolve("other/orders.vellum")));
        assertTrue(Files.exists(directory.resolve("regions/orders.vellum")));
    }

    @Test
    void aFolderThatIsNoPathIsRefusedAndTheOneBeforeStays() {
        FileStore store = store();
        store.configure(Map.of("directory", directory.resolve("other").toString()));

        store.configure(Map.of("directory", "no\0path"));

        store.open(request(null), IGNORE).close();
        assertTrue(Files.exists(directory.resolve("other/orders.vellum")));
        String finding = store.examine().get(0).toString();
        assertTrue(finding.contains("is refused") && finding.contains("other stays in force"), finding);
        store.configure(Map.of());
        assertFalse(store.examine().get(0).toString().contains("is refused"));
    }
}
