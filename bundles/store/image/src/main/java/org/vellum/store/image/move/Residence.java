// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.move;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.Whereabouts;
import org.vellum.store.image.home.Header;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/**
 * Finds out whether the region is where an image of it was found. Of the two images of a move one is the region's at
 * any moment: the origin, until its checkpoint says that it departed; from then on the one that has arrived.
 *
 * <p>What the origin says is made durable before it is relied on: a process that was killed may have left its
 * checkpoint in the cache only, and a power cut that took it back behind our opening would leave two regions.
 */
public final class Residence {
    private final NativeCore core;
    private final StoreFiles others;
    private final ImageFiles names;

    /** @param others by which images of other stores can be read */
    public Residence(NativeCore core, StoreFiles others, ImageFiles names) {
        this.core = core;
        this.others = others;
        this.names = names;
    }

    /**
     * Returns if the region is here.
     *
     * @param file the home image, locked
     * @return a remark, if something was lost
     * @throws InvalidRegionException it is elsewhere; says where
     */
    public Optional<String> require(StoreFile file, Header header) throws FileFailure {
        return switch (header.checkpoint().state()) {
            case DEPARTED -> requireNobodyThere(file, header);
            case ARRIVED -> {
                requireDeparted(HomeImage.readWhereabouts(core, file, names.region()), header);
                yield Optional.empty();
            }
            default -> Optional.empty();
        };
    }

    /** From the memory of a process that has ended nothing comes back. */
    private Optional<String> requireNobodyThere(StoreFile file, Header header) throws FileFailure {
        Whereabouts there = HomeImage.readWhereabouts(core, file, names.region());
        if (Processes.isGone(there)) {
            return Optional.of("the region went to " + there + " at epoch "
                    + header.checkpoint().homeEpoch()
                    + ", and that process has ended: what was committed there is gone");
        }
        throw new InvalidRegionException("region '" + names.region() + "': it went to " + there + " at epoch "
                + header.checkpoint().homeEpoch() + "; open it there. " + names.home()
                + " keeps what it held then; if that is what you want, './vellum verify " + names.home()
                + " --repair --in-place' makes it a region again");
    }

    private void requireDeparted(Whereabouts origin, Header header) throws FileFailure {
        if (Processes.isGone(origin)) {
            return;
        }
        Optional<Path> folder = origin.place().folder();
        if (folder.isPresent() && departedForHere(new ImageFiles(folder.get(), names.region()), header)) {
            return;
        }
        throw new InvalidRegionException("region '" + names.region() + "': " + names.home()
                + " is a copy that a move has"
                + " left which did not come to its end; the region is in " + origin + ". Open it there; the next move"
                + " replaces this copy" + (folder.isPresent() ? ", or delete it" : ""));
    }

    private boolean departedForHere(ImageFiles origin, Header arrived) throws FileFailure {
        if (!others.exists(origin.home())) {
            return false;
        }
        try (StoreFile home = others.open(origin.home(), false)) {
            home.syncData(PersistPoint.DEPARTED_ORIGIN);
            Header header = Header.read(core, home, names.region());
            Checkpoint checkpoint = header.checkpoint();
            return header.identity().identity() == arrived.identity().identity()
                    && checkpoint.state() == Checkpoint.State.DEPARTED
                    && checkpoint.homeEpoch() == arrived.checkpoint().homeEpoch()
                    && isHere(HomeImage.readWhereabouts(core, home, names.region()));
        } catch (DamagedImageException e) {
            throw new DamagedImageException("region '" + names.region() + "': " + names.home()
                    + " has come from elsewhere, and its origin does not tell whether all of it has: "
                    + e.getMessage());
        }
    }

    /** Folders have more than one name. */
    private boolean isHere(Whereabouts destination) {
        Optional<Path> folder = destination.place().folder();
        if (folder.isEmpty() || folder.get().equals(names.directory())) {
            return folder.isPresent();
        }
        try {
            return Files.isSameFile(folder.get(), names.directory());
        } catch (IOException e) {
            return false; // it is not there
        }
    }
}
