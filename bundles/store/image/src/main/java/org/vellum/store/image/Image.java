// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.vellum.api.CommitException;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.InPlace;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Persistence;
import org.vellum.store.image.creation.ImageCreation;
import org.vellum.store.image.creation.Replacement;
import org.vellum.store.image.creation.Upgrade;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.Holder;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.PageChecksums;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.format.UndoHeader;
import org.vellum.store.image.format.Whereabouts;
import org.vellum.store.image.home.CommittedView;
import org.vellum.store.image.home.FirstUse;
import org.vellum.store.image.home.Header;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.home.PageSet;
import org.vellum.store.image.home.WriteBack;
import org.vellum.store.image.log.Log;
import org.vellum.store.image.log.LogSegment;
import org.vellum.store.image.log.Trimmer;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;
import org.vellum.store.image.move.Residence;
import org.vellum.store.image.recovery.EmptyLog;
import org.vellum.store.image.recovery.Recovered;
import org.vellum.store.image.recovery.Recovery;
import org.vellum.store.image.recovery.UndoRecovery;
import org.vellum.store.image.undo.UndoFile;
import org.vellum.store.image.undo.UndoScan;

/**
 * A region's files, open and recovered: home image, committed view, log and trimmer, put together; and the undo file, while
 * the native core writes the home image in place.
 *
 * <pre>
 *   LOGGED ──beginInPlace──▶ IN PLACE ──endInPlace──▶ LOGGED
 *      │ failed                   │ failed
 *      ▼                          ▼
 *   IN DOUBT ──LOGGED again,   ENDING ──endInPlace──▶ LOGGED
 *      before anything is accepted
 * </pre>
 *
 * <p>What must stay true:
 * <ul>
 *   <li>While the device may say that the image is written in place, nothing is appended to the log; while it may say that
 *       it is not, nothing is stored in place. A failed checkpoint may have said either: hence IN DOUBT and ENDING.
 *   <li>Whoever ends, having returned the home image to its last committed epoch, has ended; a close without that leaves
 *       everything to the next open, as a crash does.
 * </ul>
 */
public final class Image implements StoreImage {
    private static final Logger LOGGER = System.getLogger(Image.class.getName());
    private static final String NOT_WRITTEN_BACK =
            "region ''{0}'': the home image could not be written back at close (nothing is lost, the next open"
                    + " replays the log): {1}";

    private static final long LARGEST_RESTORED_SEGMENT = 16L << 20;

    private final NativeCore core;
    private final StoreFiles files;
    private final ImageFiles names;
    private final String region;
    private final HomeImage home;
    private final CommittedView view;
    private final Log log;
    private final WriteBack writeBack;
    private final Trimmer trimmer;
    private final FirstUse firstUse;
    private final PhaseObserver observer;
    private final List<String> remarks;
    /**
     * The epoch that the committed view holds as a whole. While it is not the log's last one, no checkpoint may say
     * that that one is at home: nothing is appended, so no trim is requested, and close leaves the log to the next
     * open.
     */
    private long appliedEpoch;

    /** Not null IN PLACE and ENDING. Changed by the control thread with this object's lock, under which others read it. */
    private UndoFile undo;
    /** The device may say "in place" although {@link #undo} is null, or "departed" although that failed. */
    private boolean inDoubt;
    /** The device may say "in use" although {@link #undo} is not null. */
    private boolean ending;
    /** The device may say "departed", and the other image be opened by anybody: in doubt about that, nothing is written. */
    private boolean departing;
    /** The device says so. */
    private boolean departed;

    private boolean closed;
    private boolean writtenBack;

    private Image(
            NativeCore core,
            StoreFiles files,
            ImageFiles names,
            HomeImage home,
            CommittedView view,
            Log log,
            WriteBack writeBack,
            Trimmer trimmer,
            PhaseObserver observer,
            List<String> remarks) {
        this.core = core;
        this.files = files;
        this.names = names;
        region = names.region();
        this.home = home;
        this.view = view;
        this.log = log;
        this.writeBack = writeBack;
        this.trimmer = trimmer;
        this.firstUse = new FirstUse(region, core, home.file(), home.identity());
        this.observer = observer;
        this.remarks = remarks;
        appliedEpoch = log.epoch();
    }

    /**
     * As {@link Store#open}; {@code names} and not the request say where the files are.
     *
     * @param files used as long as the image is open
     */
    public static Image open(
            NativeCore core, StoreFiles files, ImageFiles names, Store.Request request, PhaseObserver observer) {
        // Whatever medium the origin of a move is on: its files can be read.
        return open(core, files, NativeStoreFiles.readOnly(core), names, request, observer);
    }

    /**
     * As {@link Store#presence}, by reading: an image that another process has open may be caught in the middle of a write;
     * then, and when it is damaged or cannot be read, only opening it can judge.
     */
    public static Store.Presence presence(NativeCore core, ImageFiles names) {
        return presence(core, NativeStoreFiles.readOnly(core), names);
    }

    /** As {@link #presence(NativeCore, ImageFiles)}, of files that are not in a file system. */
    public static Store.Presence presence(NativeCore core, StoreFiles files, ImageFiles names) {
        if (!files.exists(names.home())) {
            // one whose name another image is taking is here, and is refused when it is opened
            return files.exists(names.replacement()) ? Store.Presence.HERE : Store.Presence.ABSENT;
        }
        try (StoreFile file = files.open(names.home(), false)) {
            Header header = Header.read(core, file, names.region());
            new Residence(core, NativeStoreFiles.readOnly(core), names).require(file, header);
            return Store.Presence.HERE;
        } catch (InvalidRegionException e) {
            return Store.Presence.ELSEWHERE;
        } catch (DamagedImageException | FileFailure e) {
            return Store.Presence.HERE;
        }
    }

    /**
     * As the other one, where the other image of a move is not in a file system.
     *
     * @param others by which images of other stores can be read
     */
    public static Image open(
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

    /** What is open so far, so that a failure lets go of all of it. */
    private static final class Opening {
        private final NativeCore core;
        private final StoreFiles files;
        /** Asked of what is found; null where the region is known to be here. */
        private final Residence residence;

        private final ImageFiles names;
        private final Store.Request request;
        private final PhaseObserver observer;
        /** The home image that has arrived, or null. */
        private final StoreFile arrived;

        private final List<AutoCloseable> held = new ArrayList<>();

        Opening(
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
        }

        Image run() throws FileFailure {
            boolean complete = false;
            try {
                Image image = open();
                complete = true;
                return image;
            } finally {
                if (!complete) {
                    letGo();
                }
            }
        }

        private void letGo() {
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
            String region = names.region();
            List<String> remarks = new ArrayList<>(files.remarks());
            StoreFile file = arrived == null ? openLocked() : hold(arrived);
            Header header = Header.read(core, file, region);
            if (header.version() != Sector.FORMAT_VERSION) {
                new Upgrade(core, files, names).run(file, header);
                remarks.add("the image was of format version " + header.version() + " and is of version "
                        + Sector.FORMAT_VERSION + " now");
                file.close();
                file = openLocked();
                header = Header.read(core, file, region);
            }
            if (header.badSlot() != null) {
                remarks.add(header.badSlot());
            }
            closeToOthers(file, remarks);
            if (residence != null) {
                residence.require(file, header).ifPresent(remarks::add);
            }
            HomeImage home = hold(new HomeImage(core, file, header));
            ImageIdentity identity = home.identity();
            makeReal(file, 0, identity.tableOffset() + identity.tableLength(), remarks);
            makeReal(file, identity.homeOffset(), identity.size(), remarks);
            LogSegment[] segments = openSegments(home, remarks);
            CommittedView view = hold(
                    new CommittedView(core, file, identity, home.checkpoint().homeEpoch()));
            WriteBack writeBack = new WriteBack(home, view, names.home());

            Recovered recovered;
            switch (home.checkpoint().state()) {
                case CLOSED, DEPARTED, ARRIVED -> recovered = emptyLog(home).confirm(segments);
                case IN_USE -> {
                    observer.entered(region, Phase.RECOVERY);
                    recovered = new Recovery(region, core, home.checkpoint(), segments, view).replay();
                }
                case IN_PLACE -> {
                    observer.entered(region, Phase.RECOVERY);
                    emptyLog(home).confirm(segments);
                    recovered = putBack(home);
                    view.follow(recovered.epoch());
                }
                default ->
                    throw new IllegalStateException("state " + home.checkpoint().state());
            }
            // Its creator may have been killed between the rename and the sync of that name. A commit acknowledged
            // before the name is durable would be lost with it.
            files.syncDirectory(names.directory(), PersistPoint.OPENED_NAMES);
            home.writeHolder(Holder.self());
            PageSet replayed = view.newPageSet();
            view.takeUpdated(replayed);
            writeBack.run(replayed, recovered.epoch(), recovered.generation(), Checkpoint.State.IN_USE);

            remarks.addAll(recovered.remarks());
            if (request.size() != 0 && request.size() != identity.size()) {
                remarks.add("the image has the " + identity.size() + " bytes it was created with, not the "
                        + request.size() + " asked for");
            }
            if (!identity.name().equals(region)) {
                remarks.add("the image was created as '" + identity.name() + "' and renamed since");
            }
            Trimmer trimmer = new Trimmer(region, writeBack, view, observer);
            Log log =
                    new Log(region, core, home, segments, trimmer, observer, recovered.epoch(), recovered.generation());
            return new Image(core, files, names, home, view, log, writeBack, trimmer, observer, remarks);
        }

        private EmptyLog emptyLog(HomeImage home) {
            return new EmptyLog(names.region(), core, names.home(), home.checkpoint());
        }

        private Recovered putBack(HomeImage home) throws FileFailure {
            try (StoreFile undo = openUndo()) {
                return new UndoRecovery(names.region(), core, home).putBack(undo);
            }
        }

        /** @throws DamagedImageException {@link #putBack} would refuse them */
        private void requirePreImages(HomeImage home) throws FileFailure {
            try (StoreFile undo = openUndo()) {
                UndoScan.read(core, names.region(), undo, home.file(), home.identity(), home.checkpoint());
            }
        }

        private StoreFile openUndo() throws FileFailure {
            if (!files.exists(names.undo())) {
                throw new DamagedImageException("region '" + names.region() + "': the undo file " + names.undo()
                        + " is missing, and " + names.home()
                        + " was being written in place: it may hold stores that were"
                        + " never committed. Nothing was overwritten; bring it back from where the home image is from");
            }
            return files.open(names.undo(), false);
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
            return file.size() < ImageIdentity.HEADER_SIZE
                    ? new byte[0]
                    : HomeImage.readSector(core, file, Holder.OFFSET);
        }

        /** Whether a segment is to be made anew. */
        private boolean isToBeRestored(HomeImage home, int index) throws FileFailure {
            Path path = names.log(index);
            long size = home.checkpoint().segmentSize(index);
            if (!files.exists(path)) {
                if (mayBeRestored(home, size)) {
                    return true;
                }
                throw new DamagedImageException("region '" + names.region() + "': log segment " + path
                        + " is missing, " + names.home() + " needs it. Nothing was overwritten; bring it back from"
                        + " where the home image is from");
            }
            try (StoreFile file = files.open(path, false)) {
                long found = file.size();
                if (found < size && mayBeRestored(home, size) && holdsNothing(file, found)) {
                    return true;
                }
                if (size <= 0 || size % Batch.ALIGNMENT != 0 || found < size) {
                    throw HomeImage.damaged(
                            names.region(),
                            file,
                            found,
                            "the log segment ends after " + found + " bytes instead of " + size + ": it was truncated");
                }
                return false;
            }
        }

        /** Whatever refuses the image does so before a segment is made anew. */
        private LogSegment[] openSegments(HomeImage home, List<String> remarks) throws FileFailure {
            boolean[] anew = {isToBeRestored(home, 0), isToBeRestored(home, 1)};
            LogSegment[] segments = new LogSegment[anew.length];
            for (int index = 0; index < anew.length; index++) {
                if (!anew[index]) {
                    segments[index] = segment(home, index, false, remarks);
                }
            }
            if (anew[0] || anew[1]) {
                LogSegment[] found =
                        Arrays.stream(segments).filter(Objects::nonNull).toArray(LogSegment[]::new);
                emptyLog(home).confirm(found);
                if (home.checkpoint().state() == Checkpoint.State.IN_PLACE) {
                    requirePreImages(home);
                }
            }
            for (int index = 0; index < anew.length; index++) {
                if (anew[index]) {
                    segments[index] = segment(home, index, true, remarks);
                }
            }
            return segments;
        }

        private LogSegment segment(HomeImage home, int index, boolean anew, List<String> remarks) throws FileFailure {
            long size = home.checkpoint().segmentSize(index);
            StoreFile file = hold(files.open(names.log(index), anew));
            if (anew) {
                restore(file, size);
                remarks.add(names.log(index)
                        + " was missing, and has been made anew: there was no epoch in it, for the image"
                        + " was closed in order");
            }
            closeToOthers(file, remarks);
            makeReal(file, 0, size, remarks);
            return hold(new LogSegment(core, file, size));
        }

        /**
         * Builds before this one made files for everybody to read. A mode without permissions for others is somebody's
         * choice, and stays. Whoever may not change it is told.
         */
        private void closeToOthers(StoreFile file, List<String> remarks) {
            try {
                if (file.closeToOthers()) {
                    remarks.add("everybody could read " + file.path() + ", and now only its owner can");
                }
            } catch (FileFailure e) {
                remarks.add("others can read " + file.path() + ", and that cannot be changed: " + e.getMessage());
            }
        }

        /**
         * The log of an image that is all at home is nothing but room: without it nothing is lost. So somebody who deletes a
         * log under an open region, which says so, does not end what is closed in order afterwards. Of a size that such a
         * region's log can have: no header, whatever it claims, is to fill the medium. An image without an address was never
         * opened: its creation promised that its log is there before it has its name.
         */
        private static boolean mayBeRestored(HomeImage home, long size) {
            return home.checkpoint().state() != Checkpoint.State.IN_USE
                    && home.checkpoint().address() != 0
                    && size > 0
                    && size % Batch.ALIGNMENT == 0
                    && size
                            <= Math.max(
                                    LARGEST_RESTORED_SEGMENT,
                                    2 * home.identity().size());
        }

        /** What a crash leaves of making one anew. Anything else was truncated. */
        private boolean holdsNothing(StoreFile file, long length) throws FileFailure {
            try (NativeMemory page = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
                for (long done = 0; done < length; done += NativeCore.PAGE_SIZE) {
                    int part = (int) Math.min(NativeCore.PAGE_SIZE, length - done);
                    page.view(0, NativeCore.PAGE_SIZE).put(new byte[NativeCore.PAGE_SIZE]);
                    file.read(page.address(), part, done);
                    if (!PageChecksums.isZero(page.view(0, NativeCore.PAGE_SIZE))) {
                        return false;
                    }
                }
            }
            return true;
        }

        /** Its name becomes durable with all others, before the checkpoint says that it is used. */
        private void restore(StoreFile file, long size) throws FileFailure {
            file.truncate(0);
            LogSegment segment = new LogSegment(core, file, 0);
            try {
                segment.fill(0, size);
            } finally {
                segment.closeButFile();
            }
        }

        /**
         * From here on no store of the processor, no load and no write to these bytes needs room, and no write is a block's
         * first one. Images that this build has made have nothing to be made real; copies with holes have, and images of
         * builds that only allocated.
         */
        private void makeReal(StoreFile file, long offset, long length, List<String> remarks) throws FileFailure {
            long made = file.makeReal(offset, length, false);
            if (made > 0) {
                remarks.add(made + " bytes of " + file.path()
                        + " had no written blocks, as in a sparse copy, and have been" + " given some");
            }
        }
    }

    @Override
    public long size() {
        return home.identity().size();
    }

    @Override
    public long address() {
        return home.checkpoint().address();
    }

    @Override
    public long identity() {
        return home.identity().identity();
    }

    @Override
    public void recordAddress(long address) {
        requireOpen();
        try {
            home.writeCheckpoint(home.checkpoint().withAddress(address));
        } catch (FileFailure e) {
            throw new RegionException(
                    "region '" + region + "': its address could not be recorded: " + e.getMessage() + "; " + e.wayOut(),
                    e);
        }
    }

    @Override
    public synchronized long epoch() {
        return undo == null ? log.epoch() : undo.epoch();
    }

    @Override
    public int homeFile() {
        return home.file().descriptor();
    }

    @Override
    public long homeOffset() {
        return home.identity().homeOffset();
    }

    @Override
    public long committedView() {
        return view.address();
    }

    @Override
    public void requireIntact(long firstPage, int pages) {
        try {
            firstUse.requireIntact(firstPage, pages);
        } catch (FileFailure e) {
            throw new RegionException(
                    "region '" + region + "': its page checksums cannot be read: " + e.getMessage() + "; " + e.wayOut(),
                    e);
        }
    }

    /** What the batch changes of the home image must be what was committed there. */
    private void requireIntact(long batch, long length) {
        try {
            firstUse.requireIntact(batch, length);
        } catch (FileFailure e) {
            throw new CommitException(
                    "region '" + region + "': what an epoch changes for the first time cannot be compared"
                            + " with its page checksums: " + e.getMessage() + "; " + e.wayOut(),
                    e);
        }
    }

    @Override
    public long persist(long batch, long length) {
        requireLogged();
        settleDoubt();
        if (appliedEpoch != log.epoch()) {
            throw new CommitException("region '" + region + "': " + notApplied()
                    + "; no batch is accepted behind it. Close the region and open it again, which recovers that"
                    + " epoch");
        }
        log.settle(); // first, so that a failure from here on leaves no batch in doubt without saying so
        requireIntact(batch, length);
        return log.persist(batch, length);
    }

    @Override
    public void apply(long batch, long length) {
        requireLogged();
        observer.entered(region, Phase.HOME_UPDATE);
        view.apply(region, log.epoch(), batch, length);
        appliedEpoch = log.epoch();
    }

    @Override
    public void forgetFailedBatch() {
        requireOpen();
        settleDoubt();
        log.settle();
    }

    @Override
    public void depart(Place to) {
        requireLogged();
        settleDoubt();
        requireApplied("it cannot be moved");
        log.settle();
        trimmer.awaitFree();
        try {
            home.writeWhereabouts(Whereabouts.of(to));
            departing = true;
            bringHome(Checkpoint.State.DEPARTED);
        } catch (FileFailure e) {
            throw new RegionException(
                    "region '" + region + "': that it goes to " + to + " cannot be recorded in " + names.home() + ": "
                            + e.getMessage() + "; " + e.wayOut(),
                    e);
        }
        departed = true;
    }

    @Override
    public long loggedBytes() {
        return log.loggedBytes();
    }

    @Override
    public long logSize() {
        return log.size();
    }

    @Override
    public Optional<String> lost() {
        if (closed) {
            return Optional.empty();
        }
        try {
            home.file().requireNamed(names.home());
            log.requireNamed(names);
            if (undo != null) {
                undo.requireNamed(names);
            }
            return Optional.empty();
        } catch (FileFailure e) {
            return Optional.of(
                    e.getMessage() + ". Commits go on when it is back there: rename it, or its folder, back. One"
                            + " that was deleted cannot come back: read what the region holds and keep it elsewhere, before it is"
                            + " closed");
        }
    }

    @Override
    public List<String> remarks() {
        String failure = trimmer.failure();
        if (failure == null) {
            return List.copyOf(remarks);
        }
        List<String> all = new ArrayList<>(remarks);
        all.add("the log cannot be trimmed: " + failure);
        return List.copyOf(all);
    }

    @Override
    public Optional<InPlace> beginInPlace() {
        requireLogged();
        Optional<Persistence> persistence = files.persistence();
        if (persistence.isEmpty()) {
            return Optional.empty();
        }
        if (home.file().mapping().isEmpty()) {
            throw new RegionException("region '" + region + "': the file system of " + names.home()
                    + " does not overwrite blocks where they are, or is not known to, so a store could find no room");
        }
        requireApplied("it cannot be written in place");
        settleDoubt();
        log.settle();
        trimmer.awaitFree();
        UndoFile prepared = prepareUndo();
        boolean begun = false;
        try {
            enterInPlace();
            begun = true;
        } finally {
            if (!begun) {
                prepared.close();
            }
        }
        synchronized (this) {
            undo = prepared;
        }
        long homeMapping = home.file().mapping().orElseThrow();
        return Optional.of(new InPlace(
                homeFile(),
                homeOffset(),
                homeMapping + homeOffset(),
                prepared.headerAddress(),
                prepared.slotHeadersAddress(),
                prepared.slotContentsAddress(),
                prepared.slots(),
                homeMapping + home.identity().tableOffset(),
                files.synchronous(),
                persistence.get().address()));
    }

    private UndoFile prepareUndo() {
        try {
            return UndoFile.prepare(core, files, names, home.identity(), log.epoch());
        } catch (FileFailure e) {
            throw new RegionException(
                    "region '" + region + "': no undo file of "
                            + UndoHeader.fileSize(home.identity().pages())
                            + " bytes can be had, without which it cannot be written in place: " + e.getMessage() + "; "
                            + e.wayOut(),
                    e);
        }
    }

    /** As at close: everything goes home, and the log is left in a generation never used. */
    private void enterInPlace() {
        try {
            bringHome(Checkpoint.State.IN_PLACE);
        } catch (FileFailure e) {
            throw new RegionException(
                    "region '" + region + "': it cannot be written in place, for its home image could not be brought to"
                            + " epoch " + log.epoch() + ": " + e.getMessage() + "; " + e.wayOut(),
                    e);
        }
        view.follow(log.epoch());
        log.restart(log.epoch(), home.checkpoint().generation());
    }

    /**
     * Everything goes home, and the checkpoint says so and what the image is from now on. In doubt until that is known; and
     * whatever is thrown, the next checkpoint does not say that these pages are home.
     */
    private void bringHome(Checkpoint.State state) throws FileFailure {
        PageSet pages = view.newPageSet();
        view.takeUpdated(pages);
        inDoubt = true;
        try {
            writeBack.run(pages, log.epoch(), log.generation() + 1, state);
            inDoubt = false;
        } finally {
            if (inDoubt) {
                view.putBack(pages);
            }
        }
    }

    /** Makes sure that recovery takes the image for one that is logged. */
    private void settleDoubt() {
        if (!inDoubt) {
            return;
        }
        try {
            home.writeCheckpoint(home.checkpoint());
            inDoubt = false;
            departing = false;
        } catch (FileFailure e) {
            throw new CommitException(
                    "region '" + region + "': after it could not " + (departing ? "depart" : "be opened in place")
                            + ", its checkpoint cannot be written: "
                            + e.getMessage() + ". No batch is accepted until that works; " + e.wayOut(),
                    e);
        }
    }

    @Override
    public void endInPlace(long epoch) {
        requireOpen();
        if (undo == null) {
            throw new IllegalStateException("region '" + region + "': it is not written in place");
        }
        if (epoch != undo.epoch()) {
            throw new IllegalArgumentException(
                    "region '" + region + "': it ends at epoch " + epoch + ", but its epoch word says " + undo.epoch());
        }
        ending = true;
        try {
            home.writeCheckpoint(home.checkpoint()
                    .next(Checkpoint.State.IN_USE, epoch, home.checkpoint().generation(), epoch));
        } catch (FileFailure e) {
            throw new RegionException(
                    "region '" + region + "': that it is no longer written in place cannot be recorded: "
                            + e.getMessage() + "; nothing is lost. Close the region and open it again; " + e.wayOut(),
                    e);
        }
        view.follow(epoch);
        log.restart(epoch, home.checkpoint().generation());
        appliedEpoch = epoch;
        leaveInPlace();
        ending = false;
    }

    private synchronized void leaveInPlace() {
        undo.close();
        undo = null;
    }

    private String notApplied() {
        return "epoch " + log.epoch() + " is durable, but the committed view holds no more than epoch " + appliedEpoch;
    }

    private void requireApplied(String otherwise) {
        if (appliedEpoch != log.epoch()) {
            throw new RegionException("region '" + region + "': " + notApplied() + "; " + otherwise
                    + ". Close the region and open it again, which recovers that epoch");
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new RegionClosedException("region '" + region + "': its image is closed");
        }
    }

    private void requireLogged() {
        requireOpen();
        if (undo != null) {
            throw new IllegalStateException("region '" + region + "': it is written in place, and has no log");
        }
        if (departed) {
            throw new IllegalStateException("region '" + region + "': its image has departed");
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        Optional<String> lost = lost();
        lost.ifPresent(sentence ->
                LOGGER.log(Level.WARNING, "region ''{0}'' is closed without its files: {1}", region, sentence));
        closed = true;
        if (undo != null) {
            closeInPlace();
            return;
        }
        PageSet pages = trimmer.stop();
        if (departed) {
            writtenBack = true;
            letGo();
            removeForgotten();
            return;
        }
        if (departing && inDoubt) {
            LOGGER.log(Level.WARNING, NOT_WRITTEN_BACK, region, "whether it has departed is not known");
            letGo();
            return;
        }
        try {
            if (appliedEpoch == log.epoch()) {
                writeBackEverything(pages);
                writtenBack = true;
            } else {
                LOGGER.log(Level.WARNING, NOT_WRITTEN_BACK, region, notApplied());
            }
        } catch (FileFailure e) {
            LOGGER.log(Level.WARNING, NOT_WRITTEN_BACK, region, e.getMessage() + "; " + e.wayOut());
        } catch (RuntimeException e) {
            LOGGER.log(Level.WARNING, MessageFormat.format(NOT_WRITTEN_BACK, region, e), e);
        } finally {
            letGo();
        }
    }

    private void letGo() {
        firstUse.close();
        view.close();
        log.close();
        home.close();
    }

    /** Files that go with the process would do nothing but take its memory. */
    private void removeForgotten() {
        if (files.outliveProcess()) {
            return;
        }
        try {
            files.delete(names.undo());
            files.delete(names.log(0));
            files.delete(names.log(1));
            files.delete(names.home());
        } catch (FileFailure e) {
            LOGGER.log(
                    Level.WARNING,
                    "region '" + region + "': the memory of its former image is not freed: " + e.getMessage());
        }
    }

    /** Nothing is written: who stored to the home image has not said that all of it is committed. */
    private void closeInPlace() {
        if (!ending) {
            LOGGER.log(
                    Level.WARNING,
                    "region ''{0}'': closed while it is written in place; the next open puts back what"
                            + " was not committed behind epoch {1}",
                    region,
                    undo.epoch());
        }
        trimmer.stop();
        log.restart(undo.epoch(), log.generation());
        leaveInPlace();
        writtenBack = ending;
        letGo();
    }

    @Override
    public boolean isWrittenBack() {
        return writtenBack;
    }

    private void writeBackEverything(PageSet pages) throws FileFailure {
        observer.entered(region, Phase.TRIM);
        try {
            writeBack.run(pages, log.epoch(), log.generation() + 1, Checkpoint.State.CLOSED);
        } finally {
            observer.left(region, Phase.TRIM);
        }
    }
}
