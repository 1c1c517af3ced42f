// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.file;

import java.nio.file.Path;
import org.vellum.api.provider.Store;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.NativeStoreFiles;

/** Makes the file store on a flat class path. In its package, which a bundle keeps to itself. */
public final class FileStoreWithoutFramework {
    private FileStoreWithoutFramework() {}

    /** @param folder for regions that name none */
    public static Store create(NativeCore core, Path folder) {
        return new FileStore(core, new NativeStoreFiles(core), folder);
    }
}
