// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.PageChecksums;
import org.vellum.store.image.home.Header;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/** Looks at the home image of a closed image. */
final class HomeCheck {
    private HomeCheck() {}

    static long slotOffset(int slot) {
        return Checkpoint.offset(slot);
    }

    /** @throws IllegalStateException the home image is not this content, or a page's checksum does not fit */
    static void check(NativeCore core, StoreFiles files, ImageFiles names, byte[] content) throws FileFailure {
        try (StoreFile home = files.open(names.home(), false);
                NativeMemory memory = new NativeMemory(core, content.length)) {
            ImageIdentity identity = Header.read(core, home, names.region()).identity();
            home.read(memory.address(), content.length, identity.homeOffset());
            byte[] found = new byte[content.length];
            memory.view(0, content.length).get(found);
            if (!Arrays.equals(found, content)) {
                throw new IllegalStateException(
                        "the home image differs from byte " + Arrays.mismatch(found, content) + " on");
            }
            for (int page = 0; page < identity.pages(); page++) {
                home.read(memory.address(), PageChecksums.ENTRY_SIZE, PageChecksums.offset(identity, page));
                int entry = memory.view(0, Integer.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .getInt();
                ByteBuffer bytes = ByteBuffer.wrap(found, page * NativeCore.PAGE_SIZE, NativeCore.PAGE_SIZE);
                if (entry == 0 ? !PageChecksums.isZero(bytes) : entry != PageChecksums.entry(bytes)) {
                    throw new IllegalStateException("page " + page + " does not fit its checksum");
                }
            }
        }
    }
}
