// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.log;

import org.vellum.api.CommitException;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.PersistPoint;

/**
 * The append-only record of epochs: two segments written in turn, each turn a new generation. Generation <em>g</em>
 * lives in segment <em>g</em> mod 2, from offset 0.
 *
 * <pre>
 *             append + fdatasync                    append or fdatasync failed
 *   CLEAN ─────────────────────────▶ CLEAN    CLEAN ──────────────────────────▶ IN DOUBT
 *
 *               header zeroed + fdatasync
 *   IN DOUBT ───────────────────────────────▶ CLEAN
 * </pre>
 *
 * <p>What must stay true:
 * <ul>
 *   <li>{@link #epoch} changes only after the fdatasync of that epoch's batch: whoever is told of an epoch, it is
 *       durable.
 *   <li>IN DOUBT nothing is appended and nobody is told anything: recovery might still find the batch at {@link #tail}.
 *       It is begun before the first byte is written, so that no exception can skip it.
 *   <li>A retry writes the whole batch again: pages of a failed fdatasync are clean in the cache and nowhere else.
 *   <li>A segment is entered only when the trimmer is idle: no checkpoint on the device then needs what it held.
 *   <li>At most two generations are live, the checkpoint's and the one behind it.
 * </ul>
 *
 * <p>Used by the control thread; the counters may be read by any.
 */
public final class Log implements AutoCloseable {
    private final String region;
    private final NativeCore core;
    private final HomeImage home;
    private final LogSegment[] segments;
    private final Trimmer trimmer;
    private final PhaseObserver observer;

    private long generation;
    private long tail;
    private boolean inDoubt;
    private Batch previous;

    private volatile long epoch;
    private volatile long loggedBytes;
    private volatile long size;

    /**
     * An empty log.
     *
     * @param epoch the last durable epoch, which is at home
     * @param generation not used before
     */
    public Log(
            String region,
            NativeCore core,
            HomeImage home,
            LogSegment[] segments,
            Trimmer trimmer,
            PhaseObserver observer,
            long epoch,
            long generation) {
        this.region = region;
        this.core = core;
        this.home = home;
        this.segments = segments;
        this.trimmer = trimmer;
        this.observer = observer;
        this.epoch = epoch;
        this.generation = generation;
        size = segments[0].size() + segments[1].size();
    }

    /** Fails unless both segments are where the next open looks for them. */
    public void requireNamed(ImageFiles names) throws FileFailure {
        segments[0].file().requireNamed(names.log(0));
        segments[1].file().requireNamed(names.log(1));
    }

    public long epoch() {
        return epoch;
    }

    public long generation() {
        return generation;
    }

    public long loggedBytes() {
        return loggedBytes;
    }

    public long size() {
        return size;
    }

    /** Makes a batch durable as the next epoch; see {@link org.vellum.api.provider.StoreImage#persist}. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // one thread commits at a time; any thread reads the sum
    public long persist(long address, long length) {
        resolveDoubt();
        Batch batch = new Batch(core, address, length, previous);
        previous = batch;
        long padded = batch.paddedLength();
        if (tail + padded > segment().size()) {
            switchSegment(padded);
        }
        long next = epoch + 1;
        batch.seal(next, epoch, generation, tail, home.identity().identity());
        try {
            inDoubt = true;
            observer.entered(region, Phase.APPEND);
            segment().write(address, padded, tail);
            observer.entered(region, Phase.PERSIST);
            segment().file().syncData(PersistPoint.BATCH);
            inDoubt = false;
        } catch (FileFailure e) {
            throw failed(next, e);
        }
        tail += padded;
        loggedBytes += padded;
        epoch = next;
        return next;
    }

    /**
     * Goes on empty, behind an epoch that is at home, in a generation that the durable checkpoint names: both segments
     * are free. Only with an idle trimmer, and not in doubt.
     */
    public void restart(long newEpoch, long newGeneration) {
        epoch = newEpoch;
        generation = newGeneration;
        tail = 0;
    }

    /**
     * Makes sure that recovery finds nothing at the tail.
     *
     * @throws CommitException that could not be made durable; the log stays in doubt
     */
    public void resolveDoubt() {
        if (!inDoubt) {
            return;
        }
        try {
            segment().invalidate(tail);
            inDoubt = false;
        } catch (FileFailure e) {
            throw new CommitException(
                    "region '" + region + "': the failed batch of epoch " + (epoch + 1) + " at offset " + tail + " of "
                            + segment().file().path() + " cannot be invalidated: " + e.getMessage()
                            + ". No batch is accepted until that works; " + e.wayOut(),
                    e);
        }
    }

    private CommitException failed(long next, FileFailure cause) {
        CommitException failure = new CommitException(
                "region '" + region + "': epoch " + next + " is not durable: " + cause.getMessage()
                        + " (its batch goes to offset " + tail + " of "
                        + segment().file().path()
                        + "); " + cause.wayOut(),
                cause);
        try {
            resolveDoubt();
        } catch (CommitException stillInDoubt) {
            failure.addSuppressed(stillInDoubt);
        }
        return failure;
    }

    private LogSegment segment() {
        return segments[index(generation)];
    }

    public static int index(long generation) {
        return (int) (generation & 1);
    }

    /** Goes on in the other segment, with room for a batch, and has this one's epochs brought home meanwhile. */
    private void switchSegment(long padded) {
        trimmer.awaitFree();
        int index = index(generation + 1);
        LogSegment other = segments[index];
        if (padded > other.size()) {
            try {
                other.grow(home, index, ImageIdentity.roundUp(padded, NativeCore.PAGE_SIZE));
            } catch (FileFailure e) {
                throw new CommitException(
                        "region '" + region + "': epoch " + (epoch + 1) + " needs " + padded + " bytes of log and "
                                + other.file().path() + " cannot grow from " + other.size() + ": " + e.getMessage()
                                + "; " + e.wayOut(),
                        e);
            }
            size = segments[0].size() + segments[1].size();
        }
        trimmer.request(epoch, generation + 1);
        generation++;
        tail = 0;
    }

    @Override
    public void close() {
        segments[0].close();
        segments[1].close();
    }
}
