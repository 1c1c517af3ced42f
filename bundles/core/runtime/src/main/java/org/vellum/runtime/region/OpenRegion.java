// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.Section;
import org.vellum.nativelib.NativeCore;
import org.vellum.runtime.commit.Activity;
import org.vellum.runtime.commit.CommitPath;
import org.vellum.runtime.commit.CommitScheme;
import org.vellum.runtime.commit.Gauges;
import org.vellum.runtime.commit.RegionImage;
import org.vellum.runtime.providers.Providers;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.services.RegionContext;
import org.vellum.runtime.state.LockWatch;
import org.vellum.runtime.state.RegionLocks;
import org.vellum.runtime.state.RegionState;
import org.vellum.runtime.swap.Composition;
import org.vellum.runtime.swap.Move;
import org.vellum.runtime.waiting.Wait;
import org.vellum.runtime.waiting.Waits;

/**
 * An open region, as its users have it. Calls go down from here: commits to the {@link CommitPath}, swaps to the {@link
 * Composition}, sections to the {@link RegionLocks}. Events go up, to the {@link RegionListener}. Safe for use by many threads.
 */
public final class OpenRegion implements Region {
    /**
     * What it was opened as.
     *
     * @param options as they were asked for
     * @param home the folder of the image, if the store tells
     * @param remarks for its status
     */
    record Opened(
            RegionContext context,
            Tuple tuple,
            CommitScheme scheme,
            RegionOptions options,
            Optional<Path> home,
            List<String> remarks) {}

    private final RegionContext context;
    private final RegionListener listener;
    private final RegionLocks locks;
    private final RegionState state;
    private final RegionImage image;
    private final Activity activity;
    private final CommitPath commits;
    private final Composition composition;
    private final StatusReport report;
    private final ChannelTransfer transfer = new ChannelTransfer(this);
    private final Runnable lockWatch;

    /** @param providers gives those there are now, as a snapshot */
    OpenRegion(Opened opened, Supplier<Providers> providers, RegionListener listener) {
        this.context = opened.context();
        this.listener = listener;
        locks = new RegionLocks(context.name(), opened.options().waitLimit());
        state = new RegionState(context);
        image = new RegionImage(context, opened.scheme());
        Gauges gauges = new Gauges(context, image);
        activity = new Activity(
                context.size() / NativeCore.PAGE_SIZE, image.image().epoch());
        commits = new CommitPath(context, locks, state, image, gauges, activity);
        composition = new Composition(
                context,
                locks,
                state,
                image,
                gauges,
                opened.tuple(),
                opened.options(),
                opened.home(),
                providers,
                () -> listener.swapped(this, true));
        report = new StatusReport(context, opened.remarks(), locks, state, image, gauges, commits, composition);
        lockWatch = new LockWatch(context.name(), locks);
        context.services().watch().add(lockWatch);
    }

    // What it is

    @Override
    public String name() {
        return context.name();
    }

    @Override
    public long size() {
        state.requireOpen();
        return context.size();
    }

    @Override
    public long address() {
        state.requireOpen();
        return context.base();
    }

    @Override
    public boolean isOpen() {
        return !state.isClosed();
    }

    /** What it is composed of now. */
    public Tuple tuple() {
        return composition.tuple();
    }

    @Override
    public RegionStatus status() {
        return report.now();
    }

    @Override
    public RegionActivity activity() {
        return activity;
    }

    @Override
    public String toString() {
        return context.subject();
    }

    // Its memory

    @Override
    public ByteBuffer buffer(long offset, int length) {
        state.requireOpen();
        requireInside(offset, length);
        return context.core().memory().view(context.base() + offset, length);
    }

    @Override
    public void readFully(ReadableByteChannel channel, long offset, long length) throws IOException {
        state.requireOpen();
        requireInside(offset, length);
        transfer.read(channel, offset, length);
    }

    @Override
    public void writeFully(WritableByteChannel channel, long offset, long length) throws IOException {
        state.requireOpen();
        requireInside(offset, length);
        transfer.write(channel, offset, length);
    }

    private void requireInside(long offset, long length) {
        if (offset < 0 || length < 0 || offset > context.size() - length) {
            throw new IndexOutOfBoundsException(context.subject() + ": " + length + " bytes from offset " + offset
                    + " are not inside its " + context.size() + " bytes");
        }
    }

    // Sections, commit and rollback

    private Waits waits() {
        return locks.waits();
    }

    @Override
    public Section section() {
        return locks.sections().open(waits().of("section()"), state::requireOpen);
    }

    @Override
    public Section sectionWithin(Duration limit) {
        return locks.sections().open(waits().of("section()", limit), state::requireOpen);
    }

    @Override
    public int abandonSections() {
        state.requireOpen();
        return locks.sections().forgetAbandoned();
    }

    @Override
    public long commit() {
        return commits.commit(waits().of("commit()"));
    }

    @Override
    public long commitWithin(Duration limit) {
        return commits.commit(waits().of("commit()", limit));
    }

    @Override
    public void rollback() {
        commits.rollback(waits().of("rollback()"));
    }

    @Override
    public void rollbackWithin(Duration limit) {
        commits.rollback(waits().of("rollback()", limit));
    }

    @Override
    public <E extends Exception> long atomically(AtomicBody<E> body) throws E {
        return commits.atomically(waits().of("atomically()"), Objects.requireNonNull(body));
    }

    @Override
    public <E extends Exception> long atomicallyWithin(Duration limit, AtomicBody<E> body) throws E {
        return commits.atomically(waits().of("atomically()", limit), Objects.requireNonNull(body));
    }

    // Swaps

    @Override
    public RegionStatus.Swap swap(Map<String, String> selectors) {
        state.requireOpen();
        locks.requireOutsideCommit("swap()", "do it afterwards");
        return telling(() -> composition.swap(selectors));
    }

    /** A provider came, or says something else of itself. */
    public void providerCame() {
        unlessClosed(composition::providerCame);
    }

    /**
     * A provider is gone. When this returns the region does not use it.
     *
     * @param provider not in what the registry offers any more
     * @throws RegionException the region cannot go on without it, and is to be closed
     */
    public void providerLeft(Object provider, String reason) {
        unlessClosed(() -> composition.providerLeft(provider, reason));
    }

    /** Its selectors were changed for good, by who opened it. */
    public void configure(RegionOptions options) {
        unlessClosed(() -> composition.configure(options));
    }

    /** As {@link #telling}, on behalf of nobody in particular: a close meanwhile is no failure. */
    private void unlessClosed(Runnable change) {
        try {
            telling(() -> {
                change.run();
                return null;
            });
        } catch (RuntimeException e) {
            if (isOpen()) {
                throw e;
            }
        }
    }

    /** Has the composition changed, and tells the listener when it was. */
    @SuppressWarnings("ReferenceEquality") // the tuple in force is replaced as a whole, also by an equal one
    private <T> T telling(Supplier<T> change) {
        Tuple before = composition.tuple();
        try {
            return change.get();
        } finally {
            Tuple now = composition.tuple();
            if (isOpen() && now != before) {
                listener.swapped(this, now.store() != before.store());
            }
        }
    }

    // Close

    /**
     * Waits for the sections of other threads, for a commit in progress and for a body of {@code atomically};
     * sections of the calling thread end with the region.
     */
    @Override
    public void close() {
        close(waits().ofClose(Optional.empty()), RegionLocks.Ending.IN_TURN);
    }

    @Override
    public void closeWithin(Duration limit) {
        close(waits().ofClose(Optional.of(limit)), RegionLocks.Ending.IN_TURN);
    }

    /**
     * Closes it on behalf of somebody who goes away: waits for a commit in progress as long as it takes, for sections
     * and bodies of {@code atomically} only a few seconds. What these store later reaches nothing.
     */
    public void closeWithoutOwner() {
        close(waits().bounded("close()", context.services().patience()), RegionLocks.Ending.ANYWAY);
    }

    private void close(Wait wait, RegionLocks.Ending ending) {
        locks.requireOutsideCommit("close()", "close it afterwards");
        Closing closing = new Closing();
        try {
            locks.close(wait, ending, closing);
        } finally {
            closing.moving.ifPresent(
                    move -> move.awaitEnd(waits().patient("close()"))); // a closed region is in nobody's code
            if (closing.closesIt) {
                listener.closed(this);
            }
        }
    }

    /** With the control lock. */
    private final class Closing implements Runnable {
        private boolean closesIt;
        /** Also of one that somebody else closes: whoever closes it may rely on it afterwards. */
        private Optional<Move> moving = Optional.empty();

        @Override
        public void run() {
            closesIt = isOpen();
            moving = composition.move();
            if (closesIt) {
                release();
            }
        }
    }

    /** As far as possible: each step is made whatever became of the one before. */
    private void release() {
        context.services().watch().remove(lockWatch);
        composition.cancelMove();
        report.keepLast();
        state.close();
        try {
            image.close();
        } finally {
            listener.released(this);
        }
    }
}
