// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import java.nio.ByteBuffer;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.StoreFile;

/**
 * What format version 1 had elsewhere in the header, for reading it: one checkpoint, a holder right behind it, and the
 * region's address in the identity, which was written twice. Table, home image and log are the same in both versions.
 */
public final class VersionOne {
    public static final int VERSION = 1;
    static final int HEADER_SIZE = 3 * NativeCore.PAGE_SIZE;

    private static final int ADDRESS_AT = 32;
    private static final long CHECKPOINT_OFFSET = 4096;

    private VersionOne() {}

    static Header read(NativeCore core, StoreFile file, String region, ByteBuffer identitySector) throws FileFailure {
        long at = ImageIdentity.OFFSET;
        try {
            ImageIdentity identity = ImageIdentity.decode(identitySector, HEADER_SIZE);
            Header.requireLength(file, region, identity);
            at = CHECKPOINT_OFFSET;
            ByteBuffer sector = Sector.wrap(HomeImage.readSector(core, file, at));
            int version = Sector.versionOf(sector, Checkpoint.MAGIC, "the checkpoint sector");
            if (version != VERSION) {
                throw new Sector.Malformed("the checkpoint sector is of format version " + version
                        + ", the identity sector of version " + VERSION);
            }
            Checkpoint checkpoint =
                    Checkpoint.decode(sector, identity.identity()).withAddress(identitySector.getLong(ADDRESS_AT));
            return new Header(VERSION, identity, checkpoint, 0, null);
        } catch (Sector.Malformed e) {
            throw HomeImage.damaged(region, file, at, e.getMessage());
        }
    }
}
