// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.creation.ImageCreation;
import org.vellum.store.image.creation.Replacement;
import org.vellum.store.image.creation.Upgrade;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.Holder;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.home.CommittedView;
import org.vellum.store.image.home.Header;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.home.PageSet;
import org.vellum.store.image.home.WriteBack;
import org.vellum.store.image.log.Log;
import org.vellum.store.image.log.LogSegment;
import org.vellum.store.image.log.Trimmer;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;
import org.vellum.store.image.move.Residence;
import org.vellum.store.image.recovery.EmptyLog;
import org.vellum.store.image.recovery.Recovered;
import org.vellum.store.image.recovery.Recovery;
import org.vellum.store.image.recovery.UndoRecovery;

/**
 * Opens an image, in this order: create it if there is none; lock; upgrade; ask whether the region is here; open the
 * log; recover; write home what was replayed, with a checkpoint that says IN_USE. What refuses the image does so before
 * a byte of it is changed, but for the upgrade of an older format version, which comes before its log is read.
 *
 * <p>Knows what is open so far, so that a failure closes all of it.
 */
final class Opening {
    private static final Logger LOGGER = System.getLogger(Opening.class.getName());

    private final NativeCore core;
    private final StoreFiles files;
    /** Asked whether the region is here; null where that is known. */
    private final Residence residence;

    private final ImageFiles names;
    private final Store.Request request;
    private final PhaseObserver observer;
    /** The home image that has arrived, locked; or null. */
    private final StoreFile arrived;

    private final List<AutoCloseable> held = new ArrayList<>();
    private final List<String> remarks;

    private Opening(
            NativeCore core,
            StoreFiles files,
            Residence residence,
            ImageFiles names,
            Store.Request request,
            PhaseObserver observer,
            StoreFile arrived) {
        this.residence = residence;
        this.arrived = arrived;
        this.core = core;
        this.files = files;
        this.names = names;
        this.request = request;
        this.observer = observer;
        remarks = new ArrayList<>(files.remarks());
    }

    /** As {@link Image#open(NativeCore, StoreFiles, StoreFiles, ImageFiles, Store.Request, PhaseObserver)}. */
    static Image open(
            NativeCore core,
            StoreFiles files,
            StoreFiles others,
            ImageFiles names,
            Store.Request request,
            PhaseObserver observer) {
        try {
            if (!files.exists(names.home())) {
                // In this order: the mark is there before a replacement takes the name away.
                Replacement.refuseUnfinished(files, names);
                if (request.size() == 0) {
                    throw new InvalidRegionException("region '" + names.region() + "': there is no " + names.home()
                            + "; give a size to create it, or the folder it is in");
                }
                new ImageCreation(core, files, names, request).run();
            }
            return new Opening(core, files, new Residence(core, others, names), names, request, observer, null).run();
        } catch (FileFailure e) {
            throw cannotBeOpened(names, e);
        }
    }

    /** Opens an image whose origin is known to have departed; {@code locked} is its home image, owned by the result. */
    static Image openArrived(
            NativeCore core,
            StoreFiles files,
            ImageFiles names,
            Store.Request request,
            PhaseObserver observer,
            StoreFile locked) {
        try {
            return new Opening(core, files, null, names, request, observer, locked).run();
        } catch (FileFailure e) {
            throw cannotBeOpened(names, e);
        }
    }

    private static RegionException cannotBeOpened(ImageFiles names, FileFailure cause) {
        return new RegionException(
                "region '" + names.region() + "': cannot be opened: " + cause.getMessage() + "; " + cause.wayOut(),
                cause);
    }

    private Image run() throws FileFailure {
        boolean complete = false;
        try {
            Image image = open();
            complete = true;
            return image;
        } finally {
            if (!complete) {
                closeAll();
            }
        }
    }

    private void closeAll() {
        for (int i = held.size() - 1; i >= 0; i--) {
            try {
                held.get(i).close();
            } catch (Exception e) {
                LOGGER.log(Level.WARNING, "region '" + names.region() + "': " + held.get(i), e);
            }
        }
    }

    private <T extends AutoCloseable> T hold(T resource) {
        held.add(resource);
        return resource;
    }

    private Image open() throws FileFailure {
        HomeImage home = openHome();
        LogSegment[] segments = new LogOpening(core, files, names, home, remarks, held).run();
        CommittedView view = hold(new CommittedView(
                core, home.file(), home.identity(), home.checkpoint().homeEpoch()));
        WriteBack writeBack = new WriteBack(home, view, names.home());

        Recovered recovered = recover(home, segments, view);
        // Its creator may have been killed between the rename and the sync of that name. A commit acknowledged
        // before the name is durable would be lost with it.
        files.syncDirectory(names.directory(), PersistPoint.OPENED_NAMES);
        home.writeHolder(Holder.self());
        PageSet replayed = view.newPageSet();
        view.takeUpdated(replayed);
        writeBack.run(replayed, recovered.epoch(), recovered.generation(), Checkpoint.State.IN_USE);

        remarks.addAll(recovered.remarks());
        remarkOnRequest(home.identity());
        Trimmer trimmer = new Trimmer(names.region(), writeBack, view, observer);
        Log log = new Log(
                names.region(), core, home, segments, trimmer, observer, recovered.epoch(), recovered.generation());
        return new Image(
                new ImageParts(core, files, names, home, view, log, writeBack, trimmer, observer),
                List.copyOf(remarks));
    }

    /** Locked, of this build's format version, and the region's. */
    private HomeImage openHome() throws FileFailure {
        StoreFile file = arrived == null ? openLocked() : hold(arrived);
        Header header = Header.read(core, file, names.region());
        if (header.version() != Sector.FORMAT_VERSION) {
            new Upgrade(core, files, names).run(file, header);
            remarks.add("the image was of format version " + header.version() + " and is of version "
                    + Sector.FORMAT_VERSION + " now");
            file.close();
            file = openLocked();
            header = Header.read(core, file, names.region());
        }
        if (header.badSlot() != null) {
            remarks.add(header.badSlot());
        }
        FilesAtOpen.closeToOthers(file, remarks);
        if (residence != null) {
            residence.require(file, header).ifPresent(remarks::add);
        }
        HomeImage home = hold(new HomeImage(core, file, header));
        ImageIdentity identity = home.identity();
        FilesAtOpen.makeReal(file, 0, identity.tableOffset() + identity.tableLength(), remarks);
        FilesAtOpen.makeReal(file, identity.homeOffset(), identity.size(), remarks);
        return home;
    }

    private StoreFile openLocked() throws FileFailure {
        StoreFile file = hold(files.open(names.home(), false));
        if (!file.lock()) {
            throw new RegionBusyException("region '" + names.region() + "': " + names.home() + " is held by "
                    + Holder.describe(holderOf(file)) + "; close it there first");
        }
        Replacement.refuseUnfinished(files, names); // with the lock: none begins now
        return file;
    }

    /** The holder's sector; empty while an image this young has none. */
    private byte[] holderOf(StoreFile file) throws FileFailure {
        return file.size() < ImageIdentity.HEADER_SIZE ? new byte[0] : HomeImage.readSector(core, file, Holder.OFFSET);
    }

    /** Brings the view, or the home image itself where it was written in place, to the last committed epoch. */
    private Recovered recover(HomeImage home, LogSegment[] segments, CommittedView view) throws FileFailure {
        Checkpoint checkpoint = home.checkpoint();
        EmptyLog emptyLog = new EmptyLog(names.region(), core, names.home(), checkpoint);
        switch (checkpoint.state()) {
            case CLOSED, DEPARTED, ARRIVED -> {
                return emptyLog.confirm(segments);
            }
            case IN_USE -> {
                observer.entered(names.region(), Phase.RECOVERY);
                return new Recovery(names.region(), core, checkpoint, segments, view).replay();
            }
            case IN_PLACE -> {
                observer.entered(names.region(), Phase.RECOVERY);
                emptyLog.confirm(segments);
                Recovered recovered = new UndoRecovery(names.region(), core, home).putBack(files, names);
                view.follow(recovered.epoch());
                return recovered;
            }
            default -> throw new IllegalStateException("state " + checkpoint.state());
        }
    }

    private void remarkOnRequest(ImageIdentity identity) {
        if (request.size() != 0 && request.size() != identity.size()) {
            remarks.add("the image has the " + identity.size() + " bytes it was created with, not the " + request.size()
                    + " asked for");
        }
        if (!identity.name().equals(names.region())) {
            remarks.add("the image was created as '" + identity.name() + "' and renamed since");
        }
    }
}
