// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.StoreFiles;
import org.vellum.store.image.offline.ImageRepair;
import org.vellum.store.image.offline.OfflineImage;

/** Repair on a medium of the enumeration. */
final class Repairs {
    private Repairs() {}

    private static ImageRepair repair(NativeCore core, StoreFiles files) {
        return new ImageRepair(core, files, files);
    }

    /** @see ImageRepair#write */
    static void write(NativeCore core, StoreFiles files, ImageFiles damaged, ImageFiles repaired) {
        try (OfflineImage image = OfflineImage.open(core, files, damaged)) {
            repair(core, files).write(image, repaired, false);
        }
    }

    /** @see ImageRepair#replace */
    static void replace(NativeCore core, StoreFiles files, ImageFiles damaged, ImageFiles repaired) {
        repair(core, files).replace(damaged, repaired, ImageRepair.Purpose.REPAIR);
    }

    /** @see ImageRepair#finishReplacement */
    static boolean finishReplacement(NativeCore core, StoreFiles files, ImageFiles damaged) {
        return repair(core, files).finishReplacement(damaged).isPresent();
    }
}
