// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.move;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.creation.Folders;
import org.vellum.store.image.creation.ImageCreation;
import org.vellum.store.image.creation.Replacement;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.PageChecksums;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.home.Header;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.home.PageSet;
import org.vellum.store.image.home.PageWriter;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/**
 * An image's files, while its content comes from another store; see {@link org.vellum.api.provider.IncomingImage} for
 * who calls what when.
 *
 * <p>What must stay true, at any crash:
 * <ul>
 *   <li>Until {@link #complete} the files have no name that anybody opens, and what a departed image of the same region
 *       left here stays as it was.
 *   <li>When the image gets its name, all of it is durable, and it says ARRIVED: whoever opens it asks its origin, so
 *       it is the region's from the very instant in which the origin's checkpoint says that it departed.
 *   <li>The log's segments are new, or those of the image that is replaced. Their old batches are of generations before
 *       the one in which this image goes on, so recovery takes none of them for its own.
 * </ul>
 */
public final class Arrival implements AutoCloseable {
    private static final Logger LOGGER = System.getLogger(Arrival.class.getName());

    private final NativeCore core;
    private final StoreFiles files;
    private final ImageFiles names;
    private final Store.Origin origin;
    private final Place place;
    private final ImageCreation creation;

    private ImageIdentity identity;
    /** What it replaces, locked; null: nothing. */
    private StoreFile replaced;

    private Checkpoint replacedCheckpoint;
    /** The log is that of what it replaces. */
    private boolean keepsLog;

    private StoreFile file;
    private PageWriter pageWriter;
    /** Pages that are not all zeros in the file. */
    private PageSet written;

    private boolean named;
    private boolean done;

    private Arrival(
            NativeCore core,
            StoreFiles files,
            ImageFiles names,
            Store.Request request,
            Store.Origin origin,
            Place place) {
        this.core = core;
        this.files = files;
        this.names = names;
        this.origin = origin;
        this.place = place;
        creation = new ImageCreation(core, files, names, request);
    }

    /** As {@link Store#receive}; {@code names} and not the request say where the files are. */
    public static Arrival begin(
            NativeCore core,
            StoreFiles files,
            ImageFiles names,
            Store.Request request,
            Store.Origin origin,
            Place place) {
        Arrival arrival = new Arrival(core, files, names, request, origin, place);
        boolean complete = false;
        try {
            arrival.prepare();
            complete = true;
            return arrival;
        } catch (FileFailure e) {
            if (e.isOutOfSpace()) {
                throw new InvalidRegionException(
                        arrival.subject() + ": it does not fit into " + names.directory() + ": " + e.getMessage() + "; "
                                + e.wayOut(),
                        e);
            }
            throw arrival.failure("room cannot be made for it", e);
        } finally {
            if (!complete) {
                arrival.close();
            }
        }
    }

    private String subject() {
        return "region '" + names.region() + "'";
    }

    private RegionException failure(String what, FileFailure cause) {
        return new RegionException(
                subject() + ": " + what + " in " + place + ": " + cause.getMessage() + "; " + cause.wayOut(), cause);
    }

    private void prepare() throws FileFailure {
        Replacement.refuseUnfinished(files, names);
        identity = creation.layOut(origin.identity());
        written = new PageSet(identity.pages());
        Folders.create(files, names.directory());
        lockReplaced();
        creation.checkSpace(identity);
        if (replaced == null) {
            creation.refuseOrphanedLog();
        }
        file = lockUnfinished();
        keepsLog = replaced != null;
        pageWriter = new PageWriter(core, file, identity);
        keepsLog = keepsReplacedLog();
        if (!keepsLog) {
            creation.makeSegments(identity);
        }
        ImageCreation.allocate(file, identity);
    }

    private StoreFile lockUnfinished() throws FileFailure {
        StoreFile unfinished = creation.lockUnfinished("try again");
        boolean ours = false;
        try {
            ours = replaced != null || !creation.finishedMeanwhile(unfinished);
        } finally {
            if (!ours) {
                unfinished.close();
            }
        }
        if (!ours) {
            throw inTheWay(", made just now", null);
        }
        return unfinished;
    }

    /** What is there already may be replaced if it says that the region is elsewhere. */
    private void lockReplaced() throws FileFailure {
        if (!files.exists(names.home())) {
            return;
        }
        StoreFile there = files.open(names.home(), false);
        boolean replaceable = false;
        try {
            if (!there.lock()) {
                throw new RegionBusyException(subject() + ": " + names.home() + " is held by another process");
            }
            replacedCheckpoint = requireReplaceable(there);
            replaced = there;
            replaceable = true;
        } finally {
            if (!replaceable) {
                there.close();
            }
        }
    }

    private Checkpoint requireReplaceable(StoreFile there) throws FileFailure {
        Header header;
        try {
            header = Header.read(core, there, names.region());
        } catch (DamagedImageException e) {
            throw inTheWay(" and it is damaged", e);
        }
        Checkpoint checkpoint = header.checkpoint();
        boolean elsewhere =
                checkpoint.state() == Checkpoint.State.DEPARTED || checkpoint.state() == Checkpoint.State.ARRIVED;
        if (header.version() != Sector.FORMAT_VERSION || header.identity().identity() != origin.identity()) {
            throw inTheWay(" of another region", null);
        }
        if (!elsewhere || header.identity().size() != identity.size()) {
            throw inTheWay(", of epoch " + checkpoint.homeEpoch() + ", and nothing says that it left", null);
        }
        return checkpoint;
    }

    /** One whose log is not whole, since its removal was cut short, opens nowhere: its log may go before it does. */
    private boolean keepsReplacedLog() throws FileFailure {
        if (replaced == null) {
            return false;
        }
        for (int i = 0; i < 2; i++) {
            if (!files.exists(names.log(i)) || sizeOf(i) < replacedCheckpoint.segmentSize(i)) {
                return false;
            }
        }
        return true;
    }

    private long sizeOf(int segment) throws FileFailure {
        try (StoreFile log = files.open(names.log(segment), false)) {
            return log.size();
        }
    }

    private InvalidRegionException inTheWay(String what, Exception cause) {
        return new InvalidRegionException(
                subject() + ": there is an image " + names.home() + " already" + what
                        + ". It is not overwritten; move its files away, and try again",
                cause);
    }

    public Place place() {
        return place;
    }

    /** Pages of zeros that were never anything else need not be written: the file holds zeros. */
    public void write(long firstPage, int pages, long address) {
        try {
            int begun = 0;
            for (int i = 0; i < pages; i++) {
                if (isZeroStill(firstPage + i, address + (long) i * NativeCore.PAGE_SIZE)) {
                    writeRun(firstPage + begun, i - begun, address + (long) begun * NativeCore.PAGE_SIZE);
                    begun = i + 1;
                }
            }
            writeRun(firstPage + begun, pages - begun, address + (long) begun * NativeCore.PAGE_SIZE);
        } catch (FileFailure e) {
            throw failure("its pages cannot be written", e);
        }
    }

    private boolean isZeroStill(long page, long address) {
        return !written.contains(page) && PageChecksums.isZero(core.memory().view(address, NativeCore.PAGE_SIZE));
    }

    private void writeRun(long firstPage, int pages, long address) throws FileFailure {
        for (int i = 0; i < pages; i++) {
            written.add(firstPage + i);
        }
        pageWriter.write(firstPage, pages, address);
    }

    /** By the core and not by {@link StoreFile#syncData}: nothing relies on it. */
    public void sync() {
        int result = core.files().fdatasync(file.descriptor());
        if (result != 0) {
            throw failure("its pages cannot be made durable", new FileFailure("fdatasync of " + file.path(), result));
        }
    }

    public void complete(long epoch) {
        try (NativeMemory memory = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            ImageCreation.makeReal(file, identity);
            HomeImage.writeWhereabouts(file, memory, Processes.whereabouts(origin.place()));
            ImageCreation.writeHeader(core, file, identity, checkpoint(epoch));
            file.syncData(PersistPoint.ARRIVED_IMAGE);
            files.rename(names.unfinished(), names.home());
            named = true;
            files.syncDirectory(names.directory(), PersistPoint.ARRIVED_NAMES);
        } catch (FileFailure e) {
            throw failure("the image cannot be completed", e);
        }
    }

    private Checkpoint checkpoint(long epoch) {
        return new Checkpoint(
                Checkpoint.State.ARRIVED,
                identity.identity(),
                epoch,
                // it and the one behind it may have been used
                replaced == null ? 0 : replacedCheckpoint.generation() + 2,
                0,
                keepsLog ? replacedCheckpoint.segmentSize0() : identity.segmentSize(),
                keepsLog ? replacedCheckpoint.segmentSize1() : identity.segmentSize(),
                epoch,
                origin.address());
    }

    /**
     * Ends the arrival: the image is the region's from now on, and nothing of it is removed by {@link #close}. An
     * origin in memory can be asked by nobody else, so that it has departed is recorded here.
     *
     * @return the home image, locked; the caller's from now on
     */
    public StoreFile handOver() {
        StoreFile locked = file;
        leave(false); // first, because nothing of the image may be removed even if this fails
        if (origin.place().folder().isEmpty()) {
            recordArrival(locked);
        }
        return locked;
    }

    private void recordArrival(StoreFile locked) {
        boolean recorded = false;
        try {
            HomeImage home = new HomeImage(core, locked, Header.read(core, locked, names.region()));
            try {
                Checkpoint arrived = home.checkpoint();
                home.writeCheckpoint(arrived.next(
                        Checkpoint.State.CLOSED, arrived.homeEpoch(), arrived.generation(), arrived.highestEpoch()));
            } finally {
                home.closeButFile();
            }
            recorded = true;
        } catch (FileFailure e) {
            throw failure("that it has arrived cannot be recorded", e);
        } finally {
            if (!recorded) {
                locked.close();
            }
        }
    }

    public void leave() {
        leave(true);
    }

    private void leave(boolean closing) {
        if (done) {
            return;
        }
        done = true;
        if (pageWriter != null) {
            pageWriter.close();
        }
        if (replaced != null) {
            replaced.close();
        }
        if (closing && file != null) {
            file.close();
        }
    }

    /**
     * Removes what has arrived: nothing says that the region is here. What could not be removed is refused when it is
     * opened, and replaced by the next arrival.
     */
    @Override
    public void close() {
        if (done) {
            return;
        }
        try {
            if (file != null) {
                withdraw();
            }
        } catch (FileFailure e) {
            LOGGER.log(
                    Level.WARNING,
                    subject() + ": what had arrived of it in " + place + " stays there: " + e.getMessage()
                            + "; delete it by hand, or move the region there again");
        } finally {
            leave(true);
        }
    }

    private void withdraw() throws FileFailure {
        if (named) {
            files.rename(names.home(), names.unfinished()); // the mark of what is being removed
        }
        if (named || !keepsLog) {
            creation.removeUnfinished();
        } else {
            files.delete(names.unfinished()); // the log is that of the image before
        }
    }
}
