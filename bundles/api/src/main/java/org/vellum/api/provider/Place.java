// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * Where a store keeps an image.
 *
 * @param store the store's name
 * @param folder of its files; empty: they are in the memory of this process, and gone when it ends
 */
public record Place(String store, Optional<Path> folder) {
    public Place {
        Objects.requireNonNull(store);
        Objects.requireNonNull(folder);
    }

    /** Whether both have the very same files, whichever store opens them. */
    public boolean hasFilesOf(Place other) {
        return folder.equals(other.folder) && (folder.isPresent() || store.equals(other.store));
    }

    /** For a sentence. */
    @Override
    public String toString() {
        return "store '" + store + "'" + folder.map(path -> ", folder " + path).orElse(", in the memory of a process");
    }
}
