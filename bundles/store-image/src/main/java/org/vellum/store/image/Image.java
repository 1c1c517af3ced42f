package org.vellum.store.image;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.List;
import org.vellum.api.CommitException;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;

/** A region's files, open and recovered: home image, committed view, log and trimmer, put together. */
public final class Image implements StoreImage {
    private static final Logger LOGGER = System.getLogger(Image.class.getName());
    private static final String NOT_WRITTEN_BACK =
            "region ''{0}'': the home image could not be written back at close (nothing is lost, the next open"
                    + " replays the log): {1}";

    private final String region;
    private final HomeImage home;
    private final CommittedView view;
    private final Log log;
    private final WriteBack writeBack;
    private final Trimmer trimmer;
    private final PhaseObserver observer;
    private final List<String> remarks;
    /**
     * The epoch that the committed view holds as a whole. While it is not the log's last one, no checkpoint may say
     * that that one is at home: nothing is appended, so no trim is requested, and close leaves the log to the next
     * open.
     */
    private long appliedEpoch;

    private boolean closed;
    private boolean writtenBack;

    private Image(
            String region,
            HomeImage home,
            CommittedView view,
            Log log,
            WriteBack writeBack,
            Trimmer trimmer,
            PhaseObserver observer,
            List<String> remarks) {
        this.region = region;
        this.home = home;
        this.view = view;
        this.log = log;
        this.writeBack = writeBack;
        this.trimmer = trimmer;
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
        try {
            if (!files.exists(names.home())) {
                if (request.size() == 0) {
                    throw new InvalidRegionException("region '" + names.region() + "': there is no " + names.home()
                            + "; give a size to create it, or the folder it is in");
                }
                new ImageCreation(core, files, names, request).run();
            }
            return new Opening(core, files, names, request, observer).run();
        } catch (FileFailure e) {
            throw new RegionException(
                    "region '" + names.region() + "': cannot be opened: " + e.getMessage() + "; " + e.wayOut(), e);
        }
    }

    /** What is open so far, so that a failure lets go of all of it. */
    private static final class Opening {
        private final NativeCore core;
        private final StoreFiles files;
        private final ImageFiles names;
        private final Store.Request request;
        private final PhaseObserver observer;
        private final List<AutoCloseable> held = new ArrayList<>();

        Opening(
                NativeCore core, StoreFiles files, ImageFiles names, Store.Request request, PhaseObserver observer) {
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
            StoreFile file = openLocked();
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
            HomeImage home = hold(new HomeImage(core, file, header));
            ImageIdentity identity = home.identity();
            LogSegment[] segments = {segment(home, 0), segment(home, 1)};
            CommittedView view = hold(new CommittedView(core, file, identity, home.checkpoint().homeEpoch()));
            WriteBack writeBack = new WriteBack(home, view);

            Recovery recovery = new Recovery(
                    region, core, names.home(), home.checkpoint(), segments, view);
            Recovery.Result recovered;
            if (home.checkpoint().state() == Checkpoint.State.CLOSED) {
                recovered = recovery.confirmClosed();
            } else {
                observer.entered(region, Phase.RECOVERY);
                recovered = recovery.replay();
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
            Log log = new Log(
                    region, core, home, segments, trimmer, observer, recovered.epoch(), recovered.generation());
            return new Image(region, home, view, log, writeBack, trimmer, observer, remarks);
        }

        private StoreFile openLocked() throws FileFailure {
            StoreFile file = hold(files.open(names.home(), false));
            if (!file.lock()) {
                throw new RegionBusyException("region '" + names.region() + "': " + names.home() + " is held by "
                        + Holder.describe(holderOf(file)) + "; close it there first");
            }
            return file;
        }

        /** The holder's sector; empty while an image this young has none. */
        private byte[] holderOf(StoreFile file) throws FileFailure {
            return file.size() < ImageIdentity.HEADER_SIZE
                    ? new byte[0]
                    : HomeImage.readSector(core, file, Holder.OFFSET);
        }

        private LogSegment segment(HomeImage home, int index) throws FileFailure {
            if (!files.exists(names.log(index))) {
                throw new DamagedImageException("region '" + names.region() + "': log segment " + names.log(index)
                        + " is missing, " + names.home() + " needs it. Nothing was overwritten; bring it back from"
                        + " where the home image is from");
            }
            long size = home.checkpoint().segmentSize(index);
            StoreFile file = hold(files.open(names.log(index), false));
            long found = file.size();
            if (size <= 0 || size % Batch.ALIGNMENT != 0 || found < size) {
                throw HomeImage.damaged(names.region(), file, found, "the log segment ends after " + found
                        + " bytes instead of " + size + ": it was truncated");
            }
            return hold(new LogSegment(core, file, size));
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
                    "region '" + region + "': its address could not be recorded: " + e.getMessage() + "; "
                            + e.wayOut(),
                    e);
        }
    }

    @Override
    public long epoch() {
        return log.epoch();
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
    public long persist(long batch, long length) {
        requireOpen();
        if (appliedEpoch != log.epoch()) {
            throw new CommitException("region '" + region + "': " + notApplied()
                    + "; no batch is accepted behind it. Close the region and open it again, which recovers that"
                    + " epoch");
        }
        return log.persist(batch, length);
    }

    @Override
    public void apply(long batch, long length) {
        requireOpen();
        observer.entered(region, Phase.HOME_UPDATE);
        view.apply(region, log.epoch(), batch, length);
        appliedEpoch = log.epoch();
    }

    @Override
    public void forgetFailedBatch() {
        requireOpen();
        log.settle();
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
    public List<String> remarks() {
        String failure = trimmer.failure();
        if (failure == null) {
            return List.copyOf(remarks);
        }
        List<String> all = new ArrayList<>(remarks);
        all.add("the log cannot be trimmed: " + failure);
        return List.copyOf(all);
    }

    private String notApplied() {
        return "epoch " + log.epoch() + " is durable, but the committed view holds no more than epoch " + appliedEpoch;
    }

    private void requireOpen() {
        if (closed) {
            throw new RegionClosedException("region '" + region + "': its image is closed");
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        PageSet pages = trimmer.stop();
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
            view.close();
            log.close();
            home.close();
        }
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
