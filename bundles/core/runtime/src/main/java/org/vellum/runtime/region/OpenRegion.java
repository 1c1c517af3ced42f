// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.vellum.api.CommitException;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionException;
import org.vellum.api.RegionStatus;
import org.vellum.api.RegionStatus.State;
import org.vellum.api.Section;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.runtime.commit.Activity;
import org.vellum.runtime.commit.CommitPath;
import org.vellum.runtime.commit.Commits;
import org.vellum.runtime.commit.RegionImage;
import org.vellum.runtime.commit.StoreAway;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.services.RuntimeServices;
import org.vellum.runtime.state.OwnedLock;
import org.vellum.runtime.swap.Move;
import org.vellum.runtime.swap.TupleInForce;
import org.vellum.runtime.waiting.Threads;
import org.vellum.runtime.waiting.Wait;
import org.vellum.runtime.waiting.Waits;

/**
 * An open region. Safe for use by many threads; the order of its locks is in this package's description.
 */
public final class OpenRegion implements Region, Move.Region {
    /** Of a step in native code, a store or an observer, after which the log is told. */
    private static final Duration LONG = Duration.ofSeconds(5);

    private static final long EVENT_INTERVAL_NANOSECONDS = TimeUnit.SECONDS.toNanos(1);

    private static final Duration REFUSAL_SHOWN = Duration.ofMinutes(10);

    private static final System.Logger LOGGER = System.getLogger(OpenRegion.class.getName());

    /**
     * @param base virtual address of the first byte
     * @param region the core's handle
     */
    record NativeParts(long base, long region) {}

    /** Is told of a close, and asked for a swap. */
    public interface Listener {
        /** As {@link Region#swap}. */
        RegionStatus.Swap swap(Map<String, String> selectors);

        /** Its image is in another store now. Called without locks, by a thread of its own. */
        void moved(OpenRegion region);

        /** Everything is let go of. Called once, under the region's locks. */
        void letGo(OpenRegion region);

        /** Called once after it, without locks. */
        void closed(OpenRegion region);
    }

    /** What the native code and the image said last; taken under the control lock, read by anyone. */
    private record Gauges(NativeCore.Counters counters, long loggedBytes, long logSize, List<String> imageRemarks) {}

    private final String name;
    private final TupleInForce inForce;
    private final RegionImage home;
    /** Of the image, to another store; null: none. Changed under the control lock. */
    private volatile Move move;

    private final long size;
    private final NativeParts parts;
    private final List<String> remarks;
    private final RuntimeServices services;
    private final NativeCore core;
    private final Listener listener;
    private final ChannelTransfer transfer = new ChannelTransfer(this);
    private final Activity activity;

    private final Waits waits;
    private final OwnedLock control = new OwnedLock();
    private final Commits commits;
    private final Runnable look = this::look;
    /** {@link #look} has told the log about the control lock taken at that time. Only the watch's. */
    private Instant told = Instant.EPOCH;
    /** As that, of what it said of abandoned sections. */
    private String toldRemark = "";

    /** Changed under the control lock. */
    private volatile State state = State.OPEN;
    /** Why the state is {@link State#FAILED}. */
    private volatile String failure;
    /** Set when closed. */
    private volatile RegionStatus lastStatus;

    /** {@link System#nanoTime} of the last event. Guarded by the transaction lock. */
    private long lastCommittedEvent = System.nanoTime() - EVENT_INTERVAL_NANOSECONDS;

    // Statistics. Changed under the transaction lock.
    private volatile long epoch;
    private volatile long epochsCommitted;
    private volatile long commitsShared;
    private volatile long rollbacks;
    private volatile long dirtyPages;
    private volatile long changedBytes;
    private volatile long lastGateNanoseconds;
    private volatile Gauges gauges;
    /** What the last commit found of the image's files; changed under the transaction lock. */
    private volatile Optional<String> lost = Optional.empty();

    OpenRegion(
            String name,
            Tuple tuple,
            CommitPath path,
            NativeParts parts,
            List<String> remarks,
            Optional<Duration> waitLimit,
            RuntimeServices services,
            Listener listener) {
        this.name = name;
        this.inForce = new TupleInForce(tuple);
        this.waits = new Waits(name, waitLimit);
        this.commits = new Commits(name, control, waits, services.patience(), new CommitSteps());
        this.home = new RegionImage(name, services.core(), parts.region(), services.observers(), path);
        this.size = path.image().size();
        this.parts = parts;
        this.remarks = List.copyOf(remarks);
        this.services = services;
        this.core = services.core();
        this.listener = listener;
        this.epoch = path.image().epoch();
        this.activity = new Activity(size / NativeCore.PAGE_SIZE, epoch);
        this.gauges = readGauges();
        services.watch().add(look);
    }

    /** The calls on it that wait. */
    public Waits waits() {
        return waits;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long size() {
        requireOpen();
        return size;
    }

    @Override
    public long address() {
        requireOpen();
        return parts.base();
    }

    @Override
    public boolean isOpen() {
        return state != State.CLOSED;
    }

    /** What it is composed of now. */
    public Tuple tuple() {
        return inForce.tuple();
    }

    @Override
    public ByteBuffer buffer(long offset, int length) {
        requireOpen();
        requireInside(offset, length);
        return core.view(parts.base() + offset, length);
    }

    @Override
    public void readFully(ReadableByteChannel channel, long offset, long length) throws IOException {
        requireOpen();
        requireInside(offset, length);
        transfer.read(channel, offset, length);
    }

    @Override
    public void writeFully(WritableByteChannel channel, long offset, long length) throws IOException {
        requireOpen();
        requireInside(offset, length);
        transfer.write(channel, offset, length);
    }

    private void requireInside(long offset, long length) {
        if (offset < 0 || length < 0 || offset > size - length) {
            throw new IndexOutOfBoundsException("region '" + name + "': " + length + " bytes from offset " + offset
                    + " are not inside its " + size + " bytes");
        }
    }

    private void requireOpen() {
        if (state == State.CLOSED) {
            throw new RegionClosedException("region '" + name + "' is closed");
        }
    }

    // Sections, commit and rollback

    @Override
    public Section section() {
        return commits.section(waits.of("section()"), this::requireOpen);
    }

    @Override
    public Section sectionWithin(Duration limit) {
        return commits.section(waits.of("section()", limit), this::requireOpen);
    }

    @Override
    public int abandonSections() {
        requireOpen();
        return commits.abandonSections();
    }

    @Override
    public long commit() {
        return commit(waits.of("commit()"));
    }

    @Override
    public long commitWithin(Duration limit) {
        return commit(waits.of("commit()", limit));
    }

    private long commit(Wait wait) {
        requireOpen();
        return commits.commit(wait);
    }

    @Override
    public void rollback() {
        rollback(waits.of("rollback()"));
    }

    @Override
    public void rollbackWithin(Duration limit) {
        rollback(waits.of("rollback()", limit));
    }

    private void rollback(Wait wait) {
        requireOpen();
        commits.rollback(wait);
    }

    @Override
    public <E extends Exception> long atomically(AtomicBody<E> body) throws E {
        return atomically(waits.of("atomically()"), body);
    }

    @Override
    public <E extends Exception> long atomicallyWithin(Duration limit, AtomicBody<E> body) throws E {
        return atomically(waits.of("atomically()", limit), body);
    }

    private <E extends Exception> long atomically(Wait wait, AtomicBody<E> body) throws E {
        Objects.requireNonNull(body);
        requireOpen();
        return commits.atomically(wait, body);
    }

    private void requireWorking(String operation) {
        requireOpen();
        if (state == State.FAILED) {
            String message = "region '" + name + "': " + operation + " refused: " + failure;
            throw operation.equals("rollback") ? new RegionException(message) : new CommitException(message);
        }
        Optional<StoreAway> missing = home.missing();
        if (missing.isPresent() && !operation.equals("rollback")) {
            throw missing.get().missing(operation);
        }
    }

    /** One commit, step by step. */
    private final class CommitSteps implements Commits.Steps {
        private long began;
        private long epochBefore;
        private CommitPath.Cut cut;
        /** The pages of the cut, for a move; null: there is none. */
        private BitSet moving;

        @Override
        public void requireWorking(String operation) {
            OpenRegion.this.requireWorking(operation);
        }

        @Override
        public boolean isWritable() {
            return state == State.OPEN;
        }

        @Override
        public void cut() {
            began = System.nanoTime();
            requireFiles();
            services.observers().entered(name, Phase.CUT);
            epochBefore = epoch;
            cut = OpenRegion.this.cut();
        }

        @Override
        public void complete() {
            control.goesOnWith("a commit, in its store");
            moving = move == null ? null : new BitSet();
            home.path().pagesOfCut(page -> {
                activity.wrote(page, epoch + 1);
                if (moving != null) {
                    moving.set(Math.toIntExact(page));
                }
            });
            makeDurable();
            if (moving != null) {
                move.changed(moving); // not before the committed view has them: a copy made meanwhile is made again
            }
            noteCommit(cut, epochBefore, began);
        }

        @Override
        public void leaveCut() {
            services.observers().entered(name, Phase.STORE);
        }

        @Override
        public void committed() {
            afterCommit();
        }

        @Override
        public void shared() {
            commitsShared++;
        }

        @Override
        public long epoch() {
            return epoch;
        }

        @Override
        public void forgetFailed() {
            OpenRegion.this.forgetFailed();
        }

        @Override
        public void rollback() {
            home.path().rollback();
            rollbacks++;
            gauges = readGauges();
        }
    }

    /** What is committed must be in files that the next open finds. Before the cut: nothing has to be taken back. */
    private void requireFiles() {
        lost = home.image().lost();
        if (lost.isPresent()) {
            throw commitFailure(lost.get() + "; the stores stay uncommitted and are part of the next commit", null);
        }
    }

    private void noteCommit(CommitPath.Cut cut, long before, long began) {
        if (epoch != before) {
            activity.committed(new RegionActivity.Commit(
                    Instant.now(), epoch, System.nanoTime() - began, cut.dirtyPages(), cut.changedBytes()));
        }
    }

    private CommitPath.Cut cut() {
        try {
            CommitPath.Cut cut = home.path().cut();
            dirtyPages += cut.dirtyPages();
            changedBytes += cut.changedBytes();
            lastGateNanoseconds = cut.gateNanoseconds();
            return cut;
        } catch (CommitPath.Failure e) {
            throw commitFailure(e.getMessage(), e.getCause());
        }
    }

    private void makeDurable() {
        try {
            reached(home.path().complete());
        } catch (CommitPath.Failure e) {
            if (e.endsStores()) {
                reached(home.image().epoch());
                fail(e.getMessage());
            }
            throw commitFailure(e.getMessage(), e.getCause());
        }
    }

    private void reached(long durableEpoch) {
        if (durableEpoch != epoch) {
            epoch = durableEpoch;
            epochsCommitted++;
        }
    }

    private CommitException commitFailure(String sentence, Throwable cause) {
        String message = "region '" + name + "': commit failed: " + sentence;
        LOGGER.log(Level.WARNING, message);
        post(RegionEvents.DAMAGED, Map.of(RegionEvents.REGION, name, RegionEvents.MESSAGE, message));
        return new CommitException(message, cause);
    }

    /** From now on there are only loads. */
    private void fail(String sentence) {
        failure = sentence;
        state = State.FAILED;
        core.regionRefuseStores(parts.region());
    }

    private void afterCommit() {
        long now = System.nanoTime();
        if (now - lastCommittedEvent >= EVENT_INTERVAL_NANOSECONDS) {
            gauges = readGauges();
            lastCommittedEvent = now;
            post(RegionEvents.COMMITTED, Map.of(RegionEvents.REGION, name, RegionEvents.EPOCH, epoch));
        }
    }

    private void post(String topic, Map<String, Object> properties) {
        services.events().post(topic, properties);
    }

    private void forgetFailed() {
        try {
            home.path().forgetFailed();
        } catch (CommitPath.Failure e) {
            throw new RegionException("region '" + name + "': rollback failed: " + e.getMessage(), e.getCause());
        }
    }

    // Swaps

    @Override
    public RegionStatus.Swap swap(Map<String, String> selectors) {
        requireOpen();
        requireOutsideCommit("swap()");
        return listener.swap(selectors);
    }

    /**
     * Puts other tracking providers in force.
     *
     * @throws RegionException refused; those before stay
     */
    public RegionStatus.Swap swapTo(Tuple next, String reason) {
        return inControl("a swap", () -> {
            requireOpen();
            Tuple here = next.withStore(inForce.tuple().store()); // it may have moved since that was selected
            boolean moving = move != null || home.missing().isPresent();
            NativeCore.Swap cost = home.swap(here, moving);
            if (cost.refusal() != null) {
                throw new RegionException(refusal(here, cost.refusal()));
            }
            return changed(RegionEvents.SWAPPED, here, cost.gateNanoseconds(), reason, null);
        });
    }

    private String refusal(Tuple next, String sentence) {
        return "region '" + name + "' stays on " + inForce.names() + ", for it cannot be swapped to " + next.names()
                + ": " + sentence;
    }

    /** Takes the tracking providers away; the region goes on without. */
    public RegionStatus.Swap degrade(String reason) {
        return inControl("a swap", () -> {
            requireOpen();
            NativeCore.Swap cost = home.degrade();
            if (cost.refusal() != null) {
                throw new RegionException("region '" + name + "' cannot go on without a strategy: " + cost.refusal());
            }
            return changed(RegionEvents.DEGRADED, inForce.tuple().untracked(), cost.gateNanoseconds(), reason, reason);
        });
    }

    private RegionStatus.Swap changed(String topic, Tuple next, long gateNanoseconds, String reason, String untracked) {
        RegionStatus.Swap swap = inForce.change(next, gateNanoseconds, reason, untracked);
        LOGGER.log(
                topic.equals(RegionEvents.DEGRADED) ? Level.WARNING : Level.INFO,
                "region ''{0}'' goes on with {1} instead of {2}: {3}; writers were stopped for {4} µs",
                name,
                swap.to(),
                swap.from(),
                reason,
                Long.toString(gateNanoseconds / 1000));
        post(
                topic,
                Map.of(
                        RegionEvents.REGION, name,
                        RegionEvents.PREVIOUS_PROVIDERS, swap.from().toString(),
                        RegionEvents.PROVIDERS, swap.to().toString(),
                        RegionEvents.GATE_NANOSECONDS, gateNanoseconds,
                        RegionEvents.MESSAGE, reason));
        return swap;
    }

    /** A swap that is to be made does not happen, and the tuple in force stays. */
    public void refused(String sentence) {
        inForce.refuse(sentence);
        announceRefusal(sentence);
    }

    /** As {@link #refused}, of a swap that somebody asked for who is told of it: the status says so for a while. */
    public void refusedToCaller(String sentence) {
        inForce.refuseForNow(sentence, REFUSAL_SHOWN);
        announceRefusal(sentence);
    }

    /** What was asked for last is in force, so that no refusal before it matters any more. */
    public void followsWhatWasAsked() {
        inForce.forgetRefusal();
    }

    private void announceRefusal(String sentence) {
        LOGGER.log(Level.WARNING, sentence);
        post(
                RegionEvents.SWAP_REFUSED,
                Map.of(
                        RegionEvents.REGION, name,
                        RegionEvents.PROVIDERS, inForce.names().toString(),
                        RegionEvents.MESSAGE, sentence));
    }

    /** Between a cut and its becoming durable nothing can be swapped. */
    private void requireOutsideCommit(String operation) {
        if (control.isHeldByCurrentThread()) {
            throw new IllegalStateException(
                    "region '" + name + "': " + operation + " by a phase observer, inside a commit; do it afterwards");
        }
    }

    // The store's absence, another store, another place

    /** The name of the store that is away. */
    public Optional<String> storeAway() {
        return home.missing().map(StoreAway::store);
    }

    /**
     * Goes on without the store. When this returns or throws, the store's image is closed, or is so when the region is.
     *
     * @throws RegionException it cannot go on; it is to be closed
     */
    public void loseStore(String reason) {
        inControl("losing its store", () -> {
            requireWorking("losing its store");
            home.leave(inForce.tuple());
            return changed(RegionEvents.DEGRADED, inForce.tuple().withStore(null), 0, reason, inForce.untracked());
        });
    }

    /**
     * Goes on with the store that is back.
     *
     * @throws RegionException it does not open the image, or not the same one; the region stays without
     */
    public void regainStore(Store store, Store.Request request) {
        inControl("regaining its store", () -> {
            if (state != State.OPEN || home.missing().isEmpty()) {
                return null;
            }
            home.regain(store, request);
            return changedStore(store, "its store is back");
        });
    }

    /**
     * Goes on with another store that opens the very files of the image: closed by one and opened by the other between two
     * commits.
     *
     * @throws RegionException the other does not open it, or not the same one; the region goes on with the store it had
     */
    public RegionStatus.Swap exchangeStore(Store next, Store.Request request, String reason) {
        return inControl("a swap", () -> {
            requireWorking("a swap of its store");
            try {
                home.exchange(inForce.tuple(), next, request);
            } catch (RegionImage.LostException e) {
                throw e;
            } catch (RegionException e) {
                home.settle(inForce.tuple());
                throw new RegionException(
                        "region '" + name + "' stays on " + inForce.names() + ", for its image cannot go to store '"
                                + next.name() + "': " + e.getMessage(),
                        e);
            }
            return changedStore(next, reason);
        });
    }

    private RegionStatus.Swap changedStore(Store next, String reason) {
        Tuple now = inForce.tuple().withStore(next);
        RegionStatus.Swap swap = changed(RegionEvents.SWAPPED, now, 0, reason, inForce.untracked());
        home.settle(now); // behind it: where that fails, the image is in this store all the same
        return swap;
    }

    /**
     * Begins to copy the image to another place; {@link #finishMove} is the end of it.
     *
     * @param request to the other store
     * @throws RegionException the region cannot be moved now
     */
    public Move startMove(Store next, Store.Request request, Place from, Place to, String reason) {
        return inControl("a swap", () -> {
            requireWorking("a move of its image");
            home.unsettle(inForce.tuple());
            StoreImage image = home.image();
            Store.Origin origin = new Store.Origin(image.identity(), image.address(), from);
            LOGGER.log(Level.INFO, "region ''{0}'' goes from {1} to {2}: {3}", name, from, to, reason);
            Move begun = new Move(
                    name,
                    this,
                    image::requireIntact,
                    next,
                    () -> next.receive(request, origin),
                    to,
                    image.committedView(),
                    size,
                    reason);
            try {
                begun.start(); // its thread needs the lock that is held here before it looks for it
            } catch (OutOfMemoryError e) { // no thread can be had
                home.settle(inForce.tuple());
                throw new RegionException("region '" + name + "' cannot be moved: " + e.getMessage(), e);
            }
            move = begun;
            return begun;
        });
    }

    @Override
    public void finishMove(Move finished) {
        inControl("a move", () -> {
            requireWorking("a move of its image");
            home.moveTo(finished.copyRest());
            RegionStatus.Swap swap = changedStore(finished.store(), finished.reason());
            gauges = readGauges();
            move = null; // last: who finds none finds the region in the other store
            return swap;
        });
    }

    @Override
    public void moved() {
        listener.moved(this);
    }

    @Override
    public void moveFailed(String sentence) {
        control.acquire(waits.patient("the end of a move"), "the end of a move");
        try {
            move = null;
            if (state == State.OPEN) {
                refused(sentence);
                if (home.missing().isEmpty()) {
                    home.settle(inForce.tuple());
                }
            }
        } catch (RegionImage.LostException e) {
            fail(e.getMessage());
        } finally {
            control.release();
        }
    }

    /** The size of an open or closed region. */
    public long bytes() {
        return size;
    }

    /** The last one that came about; there was one. */
    public RegionStatus.Swap lastSwap() {
        return inForce.last().orElseThrow();
    }

    /** The move of its image, while there is one. */
    public Optional<Move> move() {
        return Optional.ofNullable(move);
    }

    /** With the control lock; a region whose image is lost has only loads from then on. */
    private <T> T inControl(String operation, Supplier<T> change) {
        requireOutsideCommit(operation);
        control.acquire(waits.patient(operation), operation);
        try {
            return change.get();
        } catch (RegionImage.LostException e) {
            fail(e.getMessage());
            throw e;
        } finally {
            control.release();
        }
    }

    // Status and close

    private Gauges readGauges() {
        return new Gauges(
                core.regionCounters(parts.region()),
                home.loggedBytes(),
                home.image().logSize(),
                home.image().remarks());
    }

    /** While a commit or rollback runs, counts of the store and of the native side may be a second old; it never waits for one. */
    @Override
    public RegionStatus status() {
        RegionStatus last = lastStatus;
        if (last != null) {
            return last;
        }
        if (control.acquireAtOnce("status()")) {
            try {
                if (lastStatus != null) {
                    return lastStatus;
                }
                gauges = readGauges();
            } finally {
                control.release();
            }
        }
        return statusIn(state);
    }

    private boolean isDegraded() {
        return inForce.untracked() != null || home.missing().isPresent() || lost.isPresent();
    }

    @Override
    public RegionActivity activity() {
        return activity;
    }

    private RegionStatus statusIn(State stateNow) {
        Gauges seen = gauges;
        List<String> sentences = new ArrayList<>(remarks);
        sentences.addAll(inForce.remarks());
        sentences.addAll(home.remarks());
        sentences.addAll(seen.imageRemarks());
        if (stateNow != State.CLOSED) {
            commits.remark().ifPresent(sentences::add);
        }
        lost.ifPresent(sentences::add);
        sentences.addAll(PinnedPages.remarks(seen.counters()));
        if (failure != null) {
            sentences.add(failure);
        }
        return new RegionStatus(
                name,
                stateNow == State.OPEN && isDegraded() ? State.DEGRADED : stateNow,
                size,
                parts.base(),
                epoch,
                inForce.names(),
                epochsCommitted,
                commitsShared,
                rollbacks,
                seen.counters().storeFaults(),
                dirtyPages,
                changedBytes,
                seen.loggedBytes(),
                seen.logSize(),
                lastGateNanoseconds,
                seen.counters().blocksWarmed() * seen.counters().blockSize(),
                List.copyOf(sentences),
                inForce.last(),
                move().map(Move::progress),
                stateNow == State.CLOSED ? List.of() : commits.sections(),
                waits.status());
    }

    /** Once a second, for the log: who waits for long, who keeps the region for long, and which sections are abandoned. */
    private void look() {
        waits.warn();
        commits.remark().filter(remark -> !remark.equals(toldRemark)).ifPresent(remark -> {
            toldRemark = remark;
            LOGGER.log(Level.WARNING, "region ''{0}'': {1}", name, remark);
        });
        Thread owner = control.ownerThread();
        Instant since = control.since();
        if (owner != null && !since.equals(told) && since.isBefore(Instant.now().minus(LONG))) {
            told = since;
            Wait.sayWhatLasts("region '" + name + "': " + control.owner() + " " + Threads.stack(owner));
        }
    }

    /**
     * Waits for the sections of other threads, for a commit in progress and for a body of {@code atomically};
     * sections of the calling thread end with the region.
     */
    @Override
    public void close() {
        close(waits.ofClose(Optional.empty()), Commits.Ending.IN_TURN);
    }

    @Override
    public void closeWithin(Duration limit) {
        close(waits.ofClose(Optional.of(limit)), Commits.Ending.IN_TURN);
    }

    /**
     * Closes it on behalf of somebody who goes away: waits for a commit in progress as long as it takes, for sections
     * and bodies of {@code atomically} only a few seconds. What these store later reaches nothing.
     */
    public void closeWithoutOwner() {
        close(waits.bounded("close()", services.patience()), Commits.Ending.ANYWAY);
    }

    private void close(Wait wait, Commits.Ending ending) {
        if (control.isHeldByCurrentThread()) {
            throw new IllegalStateException(
                    "region '" + name + "': close() by a phase observer, inside a commit; close it afterwards");
        }
        Closing closing = new Closing();
        try {
            commits.close(wait, ending, closing);
        } finally {
            if (closing.moving != null) {
                closing.moving.awaitEnd(waits.patient("close()")); // a closed region is in nobody's code
            }
            if (closing.closesIt) {
                listener.closed(this);
            }
        }
    }

    /** With the control lock. */
    private final class Closing implements Runnable {
        private boolean closesIt;
        private Move moving;

        @Override
        public void run() {
            closesIt = state != State.CLOSED;
            moving = move;
            if (closesIt) {
                letGo();
            }
        }
    }

    private void cancelMove() {
        Move moving = move;
        if (moving != null) {
            moving.cancel("region '" + name + "' is closed", waits.patient("close()"));
        }
    }

    /** Waits for a close in progress: afterwards a region that is not open uses nothing. */
    public void awaitClosed() {
        control.acquire(waits.patient("whoever needs it closed"), "nothing");
        control.release();
    }

    /** As far as possible: each step is made whatever became of the one before. */
    private void letGo() {
        services.watch().remove(look);
        cancelMove();
        gauges = readGauges();
        lastStatus = statusIn(State.CLOSED);
        state = State.CLOSED;
        try {
            home.close();
        } finally {
            listener.letGo(this);
        }
    }

    @Override
    public String toString() {
        return "region '" + name + "'";
    }
}
