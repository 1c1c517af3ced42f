// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.dax;

import java.nio.file.Path;
import org.vellum.api.provider.Store;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativePersistence;

/** Makes the DAX store on a flat class path. In its package, which a bundle keeps to itself. */
public final class DaxStoreWithoutFramework {
    private DaxStoreWithoutFramework() {}

    /**
     * One that emulates persistent memory where there is none.
     *
     * @param folder for regions that name none
     */
    public static Store create(NativeCore core, NativePersistence persistence, Path folder) {
        return new DaxStore(core, persistence, PersistenceDomain.ofThisHost(), folder, true);
    }
}
