// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.util.List;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.StoreFile;

/** What is mended at each file that an opening opens, with a remark for the region's status. */
final class FilesAtOpen {
    private FilesAtOpen() {}

    /**
     * Builds before this one made files for everybody to read. A mode without permissions for others is somebody's
     * choice, and stays. Whoever may not change it is told.
     */
    static void closeToOthers(StoreFile file, List<String> remarks) {
        try {
            if (file.closeToOthers()) {
                remarks.add("everybody could read " + file.path() + ", and now only its owner can");
            }
        } catch (FileFailure e) {
            remarks.add("others can read " + file.path() + ", and that cannot be changed: " + e.getMessage());
        }
    }

    /**
     * From here on no store of the processor, no load and no write to these bytes needs room, and no write is a block's
     * first one. Images that this build has made have nothing to be made real; copies with holes have, and images of
     * builds that only allocated.
     */
    static void makeReal(StoreFile file, long offset, long length, List<String> remarks) throws FileFailure {
        long made = file.makeReal(offset, length, false);
        if (made > 0) {
            remarks.add(made + " bytes of " + file.path()
                    + " had no written blocks, as in a sparse copy, and have been given some");
        }
    }
}
