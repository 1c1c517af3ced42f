// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.offline;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.creation.Replacement;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.PageChecksums;
import org.vellum.store.image.format.Whereabouts;
import org.vellum.store.image.home.CommittedView;
import org.vellum.store.image.home.Header;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.home.PageCheck;
import org.vellum.store.image.home.PageSet;
import org.vellum.store.image.log.LogSegment;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;
import org.vellum.store.image.offline.ImageReport.Finding;
import org.vellum.store.image.offline.ImageReport.Verdict;
import org.vellum.store.image.recovery.EmptyLog;
import org.vellum.store.image.recovery.Recovery;
import org.vellum.store.image.undo.UndoScan;

/**
 * An image that no region uses, opened to be looked at: nothing of it is ever written. It holds a shared lock, so that
 * nobody opens the region meanwhile; several may look. Of every store: the format is one. Not thread-safe.
 */
public final class OfflineImage implements AutoCloseable {
    private final ImageFiles names;
    private final NativeCore core;
    private final StoreFiles files;
    private final List<AutoCloseable> held = new ArrayList<>();
    private final List<Finding> findings = new ArrayList<>();
    private final StoreFile file;

    /** Null: the header cannot be trusted, and so nothing else. */
    private Header header;
    /** The home image with all that can be replayed. */
    private CommittedView view;
    /** Pages that the log has lines of. */
    private PageSet replayed;

    private OptionalLong intactEpoch = OptionalLong.empty();
    private List<Long> damagedPages = List.of();

    private OfflineImage(NativeCore core, StoreFiles files, ImageFiles names, StoreFile file) {
        this.core = core;
        this.files = files;
        this.names = names;
        this.file = file;
    }

    /**
     * Opens and examines an image.
     *
     * @throws InvalidRegionException there is none
     * @throws RegionBusyException a process uses it
     * @throws RegionException it cannot be read
     */
    public static OfflineImage open(NativeCore core, ImageFiles names) {
        return open(core, NativeStoreFiles.readOnly(core), names);
    }

    /**
     * As {@link #open(NativeCore, ImageFiles)}, of files that are not in a file system; they are opened as
     * {@code files} says.
     */
    public static OfflineImage open(NativeCore core, StoreFiles files, ImageFiles names) {
        Replacement.refuseUnfinished(files, names);
        if (!files.exists(names.home())) {
            throw new InvalidRegionException(
                    "there is no image " + names.home() + "; name the file of a region that ends in .vellum");
        }
        try {
            OfflineImage image = new OfflineImage(core, files, names, files.open(names.home(), false));
            boolean complete = false;
            try {
                image.examine();
                complete = true;
                return image;
            } finally {
                if (!complete) {
                    image.close();
                }
            }
        } catch (FileFailure e) {
            throw new RegionException(names.home() + " cannot be examined: " + e.getMessage() + "; " + e.wayOut(), e);
        }
    }

    public ImageReport report() {
        return new ImageReport(names.home(), findings, intactEpoch, damagedPages, isElsewhere());
    }

    ImageFiles names() {
        return names;
    }

    StoreFile file() {
        return file;
    }

    /** The header; only of an image that has an intact epoch. */
    Header header() {
        return header;
    }

    /** The intact epoch's content of the pages in {@link #replayed}. */
    CommittedView view() {
        return view;
    }

    /** The pages whose content is in the view and not in the home image. */
    PageSet replayed() {
        return replayed;
    }

    private void find(Verdict verdict, String part, String text) {
        findings.add(new Finding(verdict, part, text));
    }

    private void examine() throws FileFailure {
        if (!file.lock()) {
            throw new RegionBusyException(names.home() + " is in use by a process; close the region there first");
        }
        try {
            header = Header.read(core, file, names.region());
        } catch (DamagedImageException e) {
            find(Verdict.DAMAGED, "header", e.getMessage());
            return;
        }
        describeHeader();
        view = CommittedView.ofUpdatedPages(
                core, file, header.identity(), header.checkpoint().homeEpoch());
        held.add(view);
        replayed = view.newPageSet();
        examineLog();
        view.takeUpdated(replayed);
        examinePages();
    }

    private void describeHeader() throws FileFailure {
        ImageIdentity identity = header.identity();
        Checkpoint checkpoint = header.checkpoint();
        find(
                Verdict.INTACT,
                "identity",
                "format version " + header.version() + ", region '" + identity.name() + "', "
                        + identity.size() + " bytes in " + identity.pages() + " pages, at "
                        + (checkpoint.address() == 0
                                ? "no address yet"
                                : "address 0x" + Long.toHexString(checkpoint.address())));
        find(
                Verdict.INTACT,
                "checkpoint",
                "epoch " + checkpoint.homeEpoch() + " is at home, "
                        + checkpoint
                                .state()
                                .name()
                                .toLowerCase(java.util.Locale.ROOT)
                                .replace('_', ' '));
        describeWhereabouts();
        if (header.badSlot() != null) {
            find(Verdict.NOTE, "checkpoint", header.badSlot());
        }
    }

    private boolean isElsewhere() {
        return header != null
                && (header.checkpoint().state() == Checkpoint.State.DEPARTED
                        || header.checkpoint().state() == Checkpoint.State.ARRIVED);
    }

    private void describeWhereabouts() throws FileFailure {
        if (!isElsewhere()) {
            return;
        }
        Checkpoint.State state = header.checkpoint().state();
        try {
            Whereabouts other = HomeImage.readWhereabouts(core, file, names.region());
            find(
                    Verdict.NOTE,
                    "checkpoint",
                    state == Checkpoint.State.DEPARTED
                            ? "the region went to " + other + "; this is what it held then"
                            : "a copy, from " + other + "; the region, if that one says that it departed for here");
        } catch (DamagedImageException e) {
            find(Verdict.DAMAGED, "checkpoint", e.getMessage());
        }
    }

    private void examineLog() throws FileFailure {
        boolean inPlace = header.checkpoint().state() == Checkpoint.State.IN_PLACE;
        boolean closed = header.checkpoint().isHome();
        long homeEpoch = header.checkpoint().homeEpoch();
        LogSegment[] segments = new LogSegment[2];
        boolean whole = true;
        for (int i = 0; i < segments.length; i++) {
            segments[i] = segment(i);
            whole &= segments[i] != null;
        }
        if (inPlace) {
            examineUndo();
        }
        if (!whole) {
            if (inPlace) {
                return;
            }
            // closed, all of it is at home and the log is nothing but room
            intactEpoch = closed ? OptionalLong.of(homeEpoch) : OptionalLong.empty();
            return;
        }
        if (closed || inPlace) {
            try {
                new EmptyLog(names.region(), core, names.home(), header.checkpoint()).confirm(segments);
                find(Verdict.INTACT, "log", closed ? "empty: the image was closed in order" : "empty");
            } catch (DamagedImageException e) {
                find(Verdict.DAMAGED, "log", e.getMessage());
            }
            if (closed) {
                intactEpoch = OptionalLong.of(homeEpoch);
            }
            return;
        }
        Recovery.Chain chain = new Recovery(names.region(), core, header.checkpoint(), segments, view).examine();
        find(
                Verdict.INTACT,
                "log",
                chain.epoch() == homeEpoch
                        ? "no epoch behind epoch " + homeEpoch
                        : "epochs " + (homeEpoch + 1) + " to " + chain.epoch());
        chain.remarks().forEach(remark -> find(Verdict.NOTE, "log", remark));
        if (chain.damage() != null) {
            find(Verdict.DAMAGED, "log", chain.damage().getMessage());
        }
        // Home may hold lines of later epochs that the log no longer has: then no epoch is there as a whole.
        intactEpoch = chain.epoch() < header.checkpoint().highestEpoch()
                ? OptionalLong.empty()
                : OptionalLong.of(chain.epoch());
    }

    /** Puts what was stored in place and not committed back, in the view. */
    private void examineUndo() throws FileFailure {
        if (!files.exists(names.undo())) {
            find(
                    Verdict.DAMAGED,
                    "undo",
                    names.undo() + " is missing: nothing tells what was not committed of what is at" + " home");
            return;
        }
        try (StoreFile undo = files.open(names.undo(), false)) {
            UndoScan scan = UndoScan.read(core, names.region(), undo, file, header.identity(), header.checkpoint());
            scan.forEach(view::putBack);
            intactEpoch = OptionalLong.of(scan.epoch());
            find(
                    Verdict.INTACT,
                    "undo",
                    "epoch " + scan.epoch() + " is committed in place, " + scan.count()
                            + " pages have been stored to since");
        } catch (DamagedImageException e) {
            find(Verdict.DAMAGED, "undo", e.getMessage());
        }
    }

    /** A log segment as far as it is there; null: not at all. */
    private LogSegment segment(int index) throws FileFailure {
        String part = "log segment " + index;
        if (!files.exists(names.log(index))) {
            find(Verdict.DAMAGED, part, names.log(index) + " is missing");
            return null;
        }
        StoreFile segment = files.open(names.log(index), false);
        held.add(segment);
        long wanted = header.checkpoint().segmentSize(index);
        long found = segment.size();
        if (found < wanted) {
            find(
                    Verdict.DAMAGED,
                    part,
                    names.log(index) + " ends after " + found + " bytes instead of " + wanted + ": it was truncated");
        }
        long size = Math.min(found, wanted) & -Batch.ALIGNMENT;
        if (size < Batch.HEADER_SIZE) {
            return null;
        }
        LogSegment opened = new LogSegment(core, segment, size);
        held.add(opened);
        return opened;
    }

    private void examinePages() throws FileFailure {
        long pages = header.identity().pages();
        damagedPages = new PageCheck(core, file, header.identity()).run(replayed);
        long fromLog = replayed.size();
        String counts = (pages - fromLog) + " of " + pages + " pages compared with their checksums"
                + (fromLog == 0 ? "" : ", " + fromLog + " rewritten by the log");
        find(Verdict.INTACT, "pages", counts);
        for (long page : damagedPages) {
            find(
                    Verdict.DAMAGED,
                    "page " + page,
                    file.path() + ", offset "
                            + (header.identity().homeOffset() + page * NativeCore.PAGE_SIZE)
                            + ": the page does not fit its checksum at offset "
                            + PageChecksums.offset(header.identity(), page) + ", or cannot be read");
        }
    }

    @Override
    public void close() {
        Collections.reverse(held);
        for (AutoCloseable resource : held) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException("closing " + resource + " of " + names.home(), e);
            }
        }
        held.clear();
        file.close();
    }
}
