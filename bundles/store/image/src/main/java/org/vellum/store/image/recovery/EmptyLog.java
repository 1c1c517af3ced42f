// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.nio.file.Path;
import java.util.List;
import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.log.LogSegment;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.StoreFile;

/**
 * The log of an image that was closed in order, or written in place: it holds nothing, so it is not read. One look at
 * the start of each segment makes sure that this log belongs to this home image, and not to a later state of it or to
 * another region.
 */
public final class EmptyLog {
    private final String region;
    private final NativeCore core;
    private final Path home;
    private final Checkpoint checkpoint;

    /**
     * @param home the home image's file, for messages
     * @param checkpoint its checkpoint
     */
    public EmptyLog(String region, NativeCore core, Path home, Checkpoint checkpoint) {
        this.region = region;
        this.core = core;
        this.home = home;
        this.checkpoint = checkpoint;
    }

    /**
     * @return the checkpoint's epoch and generation: nothing was appended behind it
     * @throws DamagedImageException a segment is another region's, or of a later moment
     */
    public Recovered confirm(LogSegment... segments) throws FileFailure {
        for (LogSegment segment : segments) {
            confirm(segment);
        }
        return new Recovered(checkpoint.homeEpoch(), checkpoint.generation(), List.of());
    }

    private void confirm(LogSegment segment) throws FileFailure {
        Batch.Header first;
        try (NativeMemory memory = new NativeMemory(core, Batch.HEADER_SIZE)) {
            segment.file().read(memory.address(), Batch.HEADER_SIZE, 0);
            first = Batch.Header.decode(memory.view(0, Batch.HEADER_SIZE));
        }
        boolean own = first.identity() == checkpoint.identity();
        boolean older = own && first.generation() < checkpoint.generation();
        if (!first.beginsSegment() || older || !isWhole(segment, first)) {
            return;
        }
        if (!own) {
            throw foreign(region, segment.file(), first.identity(), checkpoint.identity());
        }
        throw HomeImage.damaged(
                region,
                segment.file(),
                0,
                "there is a batch of epoch " + first.epoch() + ", generation " + first.generation() + ", but " + home
                        + " was " + (checkpoint.state() == Checkpoint.State.IN_PLACE ? "opened in place" : "closed")
                        + " at epoch " + checkpoint.homeEpoch() + " before generation " + checkpoint.generation()
                        + ": the files are not of one moment");
    }

    /**
     * Whether the batch that a segment begins with is whole. One that is not, torn or damaged, is no evidence of
     * another region or moment. The file counts, not the segment's size: a later state may have grown it.
     */
    private boolean isWhole(LogSegment segment, Batch.Header first) throws FileFailure {
        if (!first.fitsInto(segment.file().size())) {
            return false;
        }
        try (NativeMemory memory = new NativeMemory(core, first.length())) {
            segment.file().read(memory.address(), first.length(), 0);
            return new Batch(core, memory.address(), first.length()).fitsChecksum();
        }
    }

    /** A segment is created as zeros, so one that begins with another region's batch is another region's. */
    static DamagedImageException foreign(String region, StoreFile segment, long found, long expected) {
        return HomeImage.damaged(
                region,
                segment,
                0,
                "the log belongs to region identity " + Sector.hexadecimal(found) + " instead of "
                        + Sector.hexadecimal(expected));
    }
}
