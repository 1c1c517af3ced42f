// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.util.List;
import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;
import org.vellum.store.image.undo.UndoScan;

/**
 * Recovers an image that was written in place: puts the pre-images of the epoch that was not committed back into the
 * home image. May be repeated: until a checkpoint says otherwise the same slots are live, and each holds what its page
 * is to hold. That a live slot may be in the processor's caches only, if a process was killed and not the power, does
 * no harm: then its page was never stored to, and what is written there is what is there.
 */
public final class UndoRecovery {
    private final String region;
    private final NativeCore core;
    private final HomeImage home;

    public UndoRecovery(String region, NativeCore core, HomeImage home) {
        this.region = region;
        this.core = core;
        this.home = home;
    }

    /**
     * When this returns, the home image holds the last committed epoch, durably.
     *
     * @return with the checkpoint's generation: nothing was appended to the log
     * @throws DamagedImageException nothing was written
     */
    public Recovered putBack(StoreFiles files, ImageFiles names) throws FileFailure {
        try (StoreFile undo = open(files, names)) {
            return putBack(scan(undo));
        }
    }

    private Recovered putBack(UndoScan scan) throws FileFailure {
        scan.forEach(home::writePage);
        home.file().syncData(PersistPoint.PUT_BACK_PAGES);
        int count = scan.count();
        return new Recovered(
                scan.epoch(),
                home.checkpoint().generation(),
                count == 0
                        ? List.of()
                        : List.of("recovered to epoch " + scan.epoch() + ": " + count
                                + (count == 1 ? " page" : " pages") + " written in place put back"));
    }

    /** @throws DamagedImageException {@link #putBack} would refuse the pre-images */
    public void requirePreImages(StoreFiles files, ImageFiles names) throws FileFailure {
        try (StoreFile undo = open(files, names)) {
            scan(undo);
        }
    }

    private UndoScan scan(StoreFile undo) throws FileFailure {
        return UndoScan.read(core, region, undo, home.file(), home.identity(), home.checkpoint());
    }

    private StoreFile open(StoreFiles files, ImageFiles names) throws FileFailure {
        if (!files.exists(names.undo())) {
            throw new DamagedImageException("region '" + region + "': the undo file " + names.undo()
                    + " is missing, and " + names.home() + " was being written in place: it may hold stores that were"
                    + " never committed. Nothing was overwritten; bring it back from where the home image is from");
        }
        return files.open(names.undo(), false);
    }
}
