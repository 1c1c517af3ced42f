// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.creation;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFiles;

/** Makes the folder of an image, durably. */
public final class Folders {
    private Folders() {}

    /** Creates a folder and its missing parents; one that exists is made durable in its parent. */
    public static void create(StoreFiles files, Path directory) throws FileFailure {
        Deque<Path> missing = new ArrayDeque<>();
        Path existing = directory.toAbsolutePath();
        while (existing != null && !files.isDirectory(existing)) {
            missing.push(existing);
            existing = existing.getParent();
        }
        syncName(files, existing);
        for (Path folder : missing) {
            files.createDirectory(folder);
            files.syncDirectory(folder.getParent(), PersistPoint.FOLDER_NAME);
        }
    }

    /**
     * A run before this one may have created the folder and been killed before its name was durable; if so, then in a
     * folder that this user may write to.
     */
    private static void syncName(StoreFiles files, Path existing) throws FileFailure {
        Path parent = existing == null ? null : existing.getParent();
        if (parent != null && files.isWritable(parent)) {
            files.syncDirectory(parent, PersistPoint.EXISTING_FOLDER_NAME);
        }
    }
}
