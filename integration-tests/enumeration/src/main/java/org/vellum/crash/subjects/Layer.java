// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import org.vellum.crash.enumeration.MediumKind;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.StoreFiles;

/** What a store puts between its image and the medium. */
enum Layer {
    /** As the store {@code file}: system calls and fdatasync. */
    FILES {
        @Override
        StoreFiles files(NativeCore core, RecordingMedium medium, Faults faults, PrivateMappings mappings) {
            return new MediumStoreFiles(core, medium, kind(), faults, mappings);
        }
    },
    /** As the stores {@code dax} and {@code memory}: non-temporal stores into mapped files, and fences. */
    MAPPED {
        @Override
        StoreFiles files(NativeCore core, RecordingMedium medium, Faults faults, PrivateMappings mappings) {
            return new MappedMedium(core, new MediumStoreFiles(core, medium, kind(), faults, mappings), medium)
                    .mapped();
        }
    };

    MediumKind kind() {
        return this == FILES ? MediumKind.BLOCK : MediumKind.BYTE_ADDRESSABLE;
    }

    abstract StoreFiles files(NativeCore core, RecordingMedium medium, Faults faults, PrivateMappings mappings);
}
