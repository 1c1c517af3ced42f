package org.vellum.store.image;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Where the files of regions go. */
class StoreFolderTest {
    @Test
    void theDefaultFolderComesFromConfigurationThenPropertyThenHome() {
        assertEquals(Path.of("/c"), StoreFolder.chosen("/c", "/p"));
        assertEquals(Path.of("/p"), StoreFolder.chosen("", "/p"));
        assertEquals(
                Path.of(System.getProperty("user.home"), ".vellum", "regions"), StoreFolder.chosen("", null));
    }
}
