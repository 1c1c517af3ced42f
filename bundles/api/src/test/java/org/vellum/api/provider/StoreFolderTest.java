// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Where the files of regions go. */
class StoreFolderTest {
    @Test
    void theDefaultFolderComesFromConfigurationThenPropertyThenHome() {
        assertEquals(Path.of("/c"), StoreFolder.chosen("/c", "/p"));
        assertEquals(Path.of("/p"), StoreFolder.chosen("", "/p"));
        assertEquals(Path.of(System.getProperty("user.home"), ".vellum", "regions"), StoreFolder.chosen("", null));
    }

    @Test
    void aUserWithoutAHomeFolderGetsNoneInTheCurrentOne() {
        assertEquals(Path.of("/home/u"), StoreFolder.home("/home/u", "/elsewhere"));
        assertEquals(Path.of("/elsewhere"), StoreFolder.home("?", "/elsewhere"));
        assertEquals(Path.of("/"), StoreFolder.home("?", null));
        assertEquals(Path.of("/"), StoreFolder.home("", "relative"));
    }
}
