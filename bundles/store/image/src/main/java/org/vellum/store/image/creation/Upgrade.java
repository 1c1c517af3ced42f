// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.creation;

import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.home.Header;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/**
 * Brings a home image of an older format version to the version of this build, when it is opened for the first time: a
 * copy with a new header takes its name. The old file is only read, so a crash leaves the one or the other, whole;
 * needs room for a second home image meanwhile. The log is the same in all versions and stays as it is, to be recovered
 * behind this.
 */
public final class Upgrade {
    private static final long PIECE = 1L << 20;

    private final NativeCore core;
    private final StoreFiles files;
    private final ImageFiles names;

    public Upgrade(NativeCore core, StoreFiles files, ImageFiles names) {
        this.core = core;
        this.files = files;
        this.names = names;
    }

    /**
     * @param old the home image, locked
     * @param header what it says
     * @throws RegionBusyException another process has done it or is doing it
     */
    public void run(StoreFile old, Header header) throws FileFailure {
        refuseReplaced(header);
        ImageIdentity from = header.identity();
        ImageIdentity to = ImageIdentity.layOut(
                from.name(), from.identity(), from.size(), from.segmentSize(), from.creationTime());
        try (StoreFile copy = files.open(names.unfinished(), true)) {
            if (!copy.lock()) {
                throw busy();
            }
            try {
                ImageCreation.allocate(copy, to);
                copy(old, from.tableOffset(), copy, to.tableOffset(), from.tableLength());
                copy(old, from.homeOffset(), copy, to.homeOffset(), from.size());
                ImageCreation.makeReal(copy, to);
                ImageCreation.writeHeader(core, copy, to, header.checkpoint());
                copy.syncData(PersistPoint.UPGRADED_IMAGE);
                files.rename(names.unfinished(), names.home());
            } catch (FileFailure e) {
                remove(e);
                if (e.isOutOfSpace()) {
                    throw new InvalidRegionException(
                            "region '" + names.region() + "': " + names.home() + " is of format version "
                                    + header.version() + " and is copied once to become one of version "
                                    + Sector.FORMAT_VERSION + "; the " + to.size() + " bytes needed in "
                                    + names.directory() + " do not fit: " + e.getMessage()
                                    + ". Nothing was changed; " + e.wayOut(),
                            e);
                }
                throw e;
            }
        }
    }

    /**
     * The file we locked may have lost its name to another opener's copy between our open and our lock. With the lock
     * of the file that has the name nobody else can do that, so one look decides.
     */
    private void refuseReplaced(Header header) throws FileFailure {
        try (StoreFile named = files.open(names.home(), false)) {
            if (Header.read(core, named, names.region()).version() != header.version()) {
                throw busy();
            }
        }
    }

    private RegionBusyException busy() {
        return new RegionBusyException("region '" + names.region() + "': another process is bringing " + names.home()
                + " to format version " + Sector.FORMAT_VERSION + "; open it again when that is done");
    }

    private void copy(StoreFile from, long fromOffset, StoreFile to, long toOffset, long length) throws FileFailure {
        try (NativeMemory piece = new NativeMemory(core, PIECE)) {
            for (long done = 0; done < length; done += PIECE) {
                long bytes = Math.min(PIECE, length - done);
                from.read(piece.address(), bytes, fromOffset + done);
                to.write(piece.address(), bytes, toOffset + done);
            }
        }
    }

    private void remove(FileFailure reason) {
        try {
            files.delete(names.unfinished());
        } catch (FileFailure e) {
            reason.addSuppressed(e);
        }
    }
}
