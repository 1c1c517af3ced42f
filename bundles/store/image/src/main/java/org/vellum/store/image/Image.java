// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.vellum.api.CommitException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.InPlace;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.StoreImage;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.UndoHeader;
import org.vellum.store.image.home.CommittedView;
import org.vellum.store.image.home.FirstUse;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.home.PageSet;
import org.vellum.store.image.home.WriteBack;
import org.vellum.store.image.log.Log;
import org.vellum.store.image.log.Trimmer;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.move.Processes;
import org.vellum.store.image.undo.UndoFile;

/**
 * A region's files, open and recovered: home image, committed view, log and trimmer, put together; and the undo file,
 * while the native core writes the home image in place. {@link ImageState} has the states, and the table of what may be
 * called in which; {@link Opening} and {@link Closing} are the two ends.
 */
final class Image implements StoreImage {
    private final ImageParts parts;
    private final ImageFiles names;
    private final String region;
    private final HomeImage home;
    private final CommittedView view;
    private final Log log;
    private final WriteBack writeBack;
    private final Trimmer trimmer;
    private final FirstUse firstUse;
    private final List<String> remarks;

    private final CurrentState state;
    /** Not null IN_PLACE and ENDING. Changed with this object's lock, by the control thread; others read it so. */
    private UndoFile undo;

    Image(ImageParts parts, List<String> remarks) {
        this.parts = parts;
        names = parts.names();
        region = names.region();
        home = parts.home();
        view = parts.view();
        log = parts.log();
        writeBack = parts.writeBack();
        trimmer = parts.trimmer();
        firstUse = new FirstUse(region, parts.core(), home.file(), home.identity());
        this.remarks = remarks;
        state = new CurrentState(region, this::assertInvariants);
    }

    // ---- in every state

    ImageState state() {
        return state.get();
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
    public synchronized long epoch() {
        return undo == null ? log.epoch() : undo.epoch();
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
            return remarks;
        }
        List<String> all = new ArrayList<>(remarks);
        all.add("the log cannot be trimmed: " + failure);
        return List.copyOf(all);
    }

    @Override
    public boolean isWrittenBack() {
        return state.is(ImageState.CLOSED_WRITTEN);
    }

    // ---- in every open state

    @Override
    public int homeFile() {
        assert state.get().isOpen() : state.get();
        return home.file().descriptor();
    }

    @Override
    public long homeOffset() {
        return home.identity().homeOffset();
    }

    @Override
    public long committedView() {
        assert state.get().isOpen() : state.get();
        return view.address();
    }

    @Override
    public Optional<String> lost() {
        if (!state.get().isOpen()) {
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
                            + " that was deleted cannot come back: read what the region holds and keep it elsewhere,"
                            + " before it is closed");
        }
    }

    @Override
    public void forgetFailedBatch() {
        state.requireOpen();
        resolveDoubt();
        log.resolveDoubt();
    }

    // ---- the log

    @Override
    public void recordAddress(long address) {
        state.requireOpen();
        state.assertIn(ImageState.LOGGED);
        try {
            home.writeCheckpoint(home.checkpoint().withAddress(address));
        } catch (FileFailure e) {
            throw failure("its address could not be recorded", e);
        }
    }

    @Override
    public void requireIntact(long firstPage, int pages) {
        assert state.get().isOpen() && !state.get().isInPlace() : state.get();
        firstUse.requireIntact(firstPage, pages);
    }

    @Override
    public long persist(long batch, long length) {
        state.requireLogged();
        resolveDoubt();
        if (state.is(ImageState.UNAPPLIED)) {
            throw new CommitException("region '" + region + "': " + parts.notApplied()
                    + "; no batch is accepted behind it. Close the region and open it again, which recovers that"
                    + " epoch");
        }
        state.assertIn(ImageState.LOGGED);
        log.resolveDoubt(); // first, so that a failure from here on leaves no batch in doubt without saying so
        firstUse.requireIntactBeforeCommit(batch, length);
        long epoch = log.persist(batch, length);
        state.become(ImageState.UNAPPLIED);
        return epoch;
    }

    @Override
    public void apply(long batch, long length) {
        state.requireLogged();
        state.assertIn(ImageState.UNAPPLIED);
        parts.observer().entered(region, Phase.HOME_UPDATE);
        view.apply(region, log.epoch(), batch, length);
        state.become(ImageState.LOGGED);
    }

    // ---- the log's end: in place, or elsewhere

    @Override
    public Optional<InPlace> beginInPlace() {
        state.requireLogged();
        if (parts.files().persistence().isEmpty()) {
            return Optional.empty();
        }
        if (home.file().mapping().isEmpty()) {
            throw new RegionException("region '" + region + "': the file system of " + names.home()
                    + " does not overwrite blocks where they are, or is not known to, so a store could find no room");
        }
        endLogging("it cannot be written in place");
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
        state.become(ImageState.IN_PLACE);
        return Optional.of(prepared.describe(home, parts.files()));
    }

    private UndoFile prepareUndo() {
        try {
            return UndoFile.prepare(parts.core(), parts.files(), names, home.identity(), log.epoch());
        } catch (FileFailure e) {
            throw failure(
                    "no undo file of " + UndoHeader.fileSize(home.identity().pages())
                            + " bytes can be had, without which it cannot be written in place",
                    e);
        }
    }

    /** As at close: everything goes home, and the log goes on in a generation never used. */
    private void enterInPlace() {
        try {
            bringHome(ImageState.BEGINNING, Checkpoint.State.IN_PLACE);
        } catch (FileFailure e) {
            throw failure(
                    "it cannot be written in place, for its home image could not be brought to epoch " + log.epoch(),
                    e);
        }
        view.follow(log.epoch());
        log.restart(log.epoch(), home.checkpoint().generation());
    }

    @Override
    public void endInPlace(long epoch) {
        state.requireInPlace();
        if (epoch != undo.epoch()) {
            throw new IllegalArgumentException(
                    "region '" + region + "': it ends at epoch " + epoch + ", but its epoch word says " + undo.epoch());
        }
        if (!state.is(ImageState.ENDING)) {
            state.become(ImageState.ENDING);
        }
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
        closeUndo();
        state.become(ImageState.LOGGED);
    }

    private synchronized void closeUndo() {
        undo.close();
        undo = null;
    }

    @Override
    public void depart(Place to) {
        state.requireLogged();
        endLogging("it cannot be moved");
        try {
            home.writeWhereabouts(Processes.whereabouts(to));
            bringHome(ImageState.DEPARTING, Checkpoint.State.DEPARTED);
        } catch (FileFailure e) {
            throw failure("that it goes to " + to + " cannot be recorded in " + names.home(), e);
        }
        state.become(ImageState.DEPARTED);
    }

    /** From here on only the caller writes: no batch is in doubt, and no segment is being trimmed. */
    private void endLogging(String otherwise) {
        if (state.is(ImageState.UNAPPLIED)) {
            throw new RegionException("region '" + region + "': " + parts.notApplied() + "; " + otherwise
                    + ". Close the region and open it again, which recovers that epoch");
        }
        resolveDoubt();
        state.assertIn(ImageState.LOGGED);
        log.resolveDoubt();
        trimmer.awaitFree();
    }

    /**
     * Everything goes home, and the checkpoint says so and what the image is from now on. Until that is known the image
     * is in doubt; and whatever is thrown, the next checkpoint does not say that these pages are home.
     */
    private void bringHome(ImageState doubt, Checkpoint.State end) throws FileFailure {
        PageSet pages = view.newPageSet();
        view.takeUpdated(pages);
        state.become(doubt);
        boolean done = false;
        try {
            writeBack.run(pages, log.epoch(), log.generation() + 1, end);
            done = true;
        } finally {
            if (!done) {
                view.putBack(pages);
            }
        }
    }

    /** Makes sure that recovery takes the image for one that is logged. */
    private void resolveDoubt() {
        if (!state.get().isInDoubt()) {
            return;
        }
        try {
            home.writeCheckpoint(home.checkpoint());
        } catch (FileFailure e) {
            throw new CommitException(
                    "region '" + region + "': after it could not "
                            + (state.is(ImageState.DEPARTING) ? "depart" : "be opened in place")
                            + ", its checkpoint cannot be written: "
                            + e.getMessage() + ". No batch is accepted until that works; " + e.wayOut(),
                    e);
        }
        state.become(ImageState.LOGGED);
    }

    /** The other fields agree with the state. The checkpoint is asked only where no trimmer may be writing one. */
    private void assertInvariants() {
        ImageState now = state.get();
        assert now.isInPlace() == (undo != null) || !now.isOpen()
                : now + (undo == null ? " without an undo file" : " with an undo file");
        assert now != ImageState.LOGGED || view.highestEpoch() == log.epoch()
                : now + " with epoch " + log.epoch() + " in the log and " + view.highestEpoch() + " in the view";
        assert now != ImageState.IN_PLACE || home.checkpoint().state() == Checkpoint.State.IN_PLACE
                : now + " with checkpoint " + home.checkpoint();
        assert now != ImageState.DEPARTED || home.checkpoint().state() == Checkpoint.State.DEPARTED
                : now + " with checkpoint " + home.checkpoint();
    }

    private RegionException failure(String what, FileFailure cause) {
        return new RegionException(
                "region '" + region + "': " + what + ": " + cause.getMessage() + "; " + cause.wayOut(), cause);
    }

    @Override
    public void close() {
        if (!state.get().isOpen()) {
            return;
        }
        Closing closing = new Closing(parts);
        lost().ifPresent(closing::warnOfLostFiles);
        ImageState last = state.get();
        state.become(ImageState.CLOSED_UNWRITTEN);
        PageSet pages = trimmer.stop();
        if (undo != null) {
            log.restart(undo.epoch(), log.generation()); // so that epoch() goes on to tell the last one
            closeUndo();
        }
        try {
            if (closing.bringHome(last, pages)) {
                state.become(ImageState.CLOSED_WRITTEN);
            }
        } finally {
            firstUse.close();
            view.close();
            log.close();
            home.close();
        }
        if (last == ImageState.DEPARTED) {
            closing.removeForgotten();
        }
    }
}
