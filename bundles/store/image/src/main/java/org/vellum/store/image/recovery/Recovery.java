// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.home.CommittedView;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.log.Log;
import org.vellum.store.image.log.LogSegment;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;

/**
 * Finds the epochs behind the checkpoint in the log, replays them into the committed view and makes sure that the log
 * holds them durably. Changes no byte of any file: a crash in here leaves everything to the next recovery, and so does
 * damage.
 *
 * <p>The live log is a chain: epoch {@code home + 1} at offset 0 of the checkpoint's generation, each next batch right
 * behind the last or, after a switch, at offset 0 of the generation behind. The chain ends at the first place where no
 * intact batch of the expected epoch is. That end is
 * <ul>
 *   <li><b>a torn tail</b>, dropped, if no intact batch outside of the chain says that the missing epoch was durable:
 *       it was never acknowledged;
 *   <li><b>damage in the middle</b>, refused, if one does; it is looked for at every 64-byte step of both segments,
 *       because a damaged header does not tell where the next batch begins. An intact batch of an epoch before the
 *       missing one is refused too: log and checkpoint are not of one piece. So is an end before the highest epoch that
 *       the checkpoint says may be in the home image: dropping it would leave a mixture of epochs.
 * </ul>
 *
 * <p>Intact: magic, version, header size, region identity, own offset, a generation not before the checkpoint's (a
 * recycled segment is full of valid batches of older ones), a length within the segment, and the checksum.
 *
 * <p>The chain is what the page cache says. Its last batch may be nowhere else: a process killed between append and
 * fdatasync leaves that. Its lines must not reach home before the device has it, or a power cut then leaves a part of
 * an epoch at home and no log to complete it. The batches before it are durable, for the log appends only behind a
 * successful fdatasync.
 *
 * <p>A segment is created as zeros, so one that begins with another region's batch is another region's, and refused.
 */
public final class Recovery {
    /**
     * @param epoch the last durable epoch, which the view now holds
     * @param generation one that no batch on the device can carry
     */
    public record Result(long epoch, long generation, List<String> remarks) {}

    private record Found(long offset, long epoch, long durableEpoch, long generation, long length) {}

    /** A segment's content in memory. Read, not mapped: a bad block must come as EIO, not as SIGBUS. */
    private final class Content implements AutoCloseable {
        final LogSegment segment;
        final NativeMemory memory;
        /** Where the chain ends in this segment, and its batch right before that; null: none is here. */
        long end;

        private Found last;
        /** An intact batch that cannot be replayed, at the end of the chain; null: there is none. */
        private DamagedImageException malformed;

        Content(LogSegment segment) throws FileFailure {
            this.segment = segment;
            memory = new NativeMemory(core, segment.size());
            try {
                segment.file().read(memory.address(), segment.size(), 0);
            } catch (FileFailure e) {
                memory.close();
                throw e;
            }
        }

        /** A batch header of the live log, whatever its checksum says. */
        boolean hasLiveHeader(long offset) {
            if (offset + Batch.HEADER_SIZE > memory.length()) {
                return false;
            }
            ByteBuffer header = memory.view(offset, Batch.HEADER_SIZE);
            return header.getInt(0) == Batch.MAGIC
                    && header.getLong(Batch.IDENTITY_AT) == identity
                    && header.getLong(Batch.OFFSET_AT) == offset
                    && header.getLong(Batch.GENERATION_AT) >= checkpoint.generation();
        }

        Found intactAt(long offset) {
            return hasLiveHeader(offset) ? sealedAt(offset) : null;
        }

        /** A batch that fits its checksum, of whatever region, generation and offset. */
        private Found sealedAt(long offset) {
            ByteBuffer header = memory.view(offset, Batch.HEADER_SIZE);
            long payload = header.getLong(Batch.PAYLOAD_LENGTH_AT);
            if (header.getShort(Batch.VERSION_AT) != Batch.VERSION
                    || header.getShort(Batch.HEADER_SIZE_AT) != Batch.HEADER_SIZE
                    || payload < 0
                    || payload > memory.length() - offset - Batch.HEADER_SIZE) {
                return null;
            }
            long length = Batch.HEADER_SIZE + payload;
            Batch batch = new Batch(core, memory.address() + offset, length);
            if (batch.storedChecksum() != batch.computeChecksum()) {
                return null;
            }
            return new Found(
                    offset,
                    header.getLong(Batch.EPOCH_AT),
                    header.getLong(Batch.DURABLE_EPOCH_AT),
                    header.getLong(Batch.GENERATION_AT),
                    length);
        }

        /**
         * Makes the last batch of the chain durable where it is. Written again, not only synced: if an fdatasync of the
         * process before failed, the cache takes the pages for clean and a sync would write nothing. A write that a
         * crash cuts short is harmless, the bytes are the same.
         */
        void makeLastDurable() throws FileFailure {
            if (last != null) {
                segment.write(memory.address() + last.offset, Batch.padded(last.length), last.offset);
                segment.file().syncData(PersistPoint.LAST_BATCH);
            }
        }

        /** What to refuse a segment with that begins with another region's batch; null for one that does not. */
        DamagedImageException foreign() {
            long found = memory.view(0, Batch.HEADER_SIZE).getLong(Batch.IDENTITY_AT);
            return beginsWithBatch(memory) && found != identity && sealedAt(0) != null
                    ? Recovery.this.foreign(segment, found)
                    : null;
        }

        /** The first intact batch at or behind the end of the chain that contradicts a torn tail; null: none. */
        Found contradiction(long missingEpoch) {
            int window = 1 << 20;
            for (long start = end; start < memory.length(); start += window) {
                int length = (int) Math.min(window, memory.length() - start);
                ByteBuffer view = memory.view(start, length);
                for (int at = 0; at + Integer.BYTES <= length; at += Batch.ALIGNMENT) {
                    if (view.getInt(at) == Batch.MAGIC) {
                        Found found = intactAt(start + at);
                        if (found != null && (found.durableEpoch >= missingEpoch || found.epoch < missingEpoch)) {
                            return found;
                        }
                    }
                }
            }
            return null;
        }

        /** What is wrong at an offset where a batch should be. */
        String describe(long offset) {
            if (offset + Batch.HEADER_SIZE > memory.length()) {
                return "the segment ends here";
            }
            ByteBuffer header = memory.view(offset, Batch.HEADER_SIZE);
            if (!hasLiveHeader(offset)) {
                return "no batch begins here (magic " + Sector.hexadecimal(header.getInt(0)) + " instead of "
                        + Sector.hexadecimal(Batch.MAGIC) + ", generation " + header.getLong(Batch.GENERATION_AT)
                        + ", own offset " + header.getLong(Batch.OFFSET_AT) + ", identity "
                        + Sector.hexadecimal(header.getLong(Batch.IDENTITY_AT)) + " instead of "
                        + Sector.hexadecimal(identity) + ")";
            }
            long payload = header.getLong(Batch.PAYLOAD_LENGTH_AT);
            if (payload < 0 || payload > memory.length() - offset - Batch.HEADER_SIZE) {
                return "the batch claims a payload of " + payload + " bytes, more than the segment holds";
            }
            Batch batch = new Batch(core, memory.address() + offset, Batch.HEADER_SIZE + payload);
            if (batch.storedChecksum() == batch.computeChecksum()) {
                return "the batch here is of epoch " + header.getLong(Batch.EPOCH_AT) + ", generation "
                        + header.getLong(Batch.GENERATION_AT);
            }
            return "the batch has checksum " + Sector.hexadecimal(batch.storedChecksum()) + " instead of "
                    + Sector.hexadecimal(batch.computeChecksum());
        }

        @Override
        public void close() {
            memory.close();
        }
    }

    private final String region;
    private final NativeCore core;
    private final Path home;
    private final LogSegment[] segments;
    private final CommittedView view;
    private final Checkpoint checkpoint;
    private final long identity;

    /**
     * @param home the home image's file, for messages
     * @param checkpoint its checkpoint
     * @param view shows the home image; null for {@link #confirmEmpty}, which needs none
     */
    public Recovery(
            String region,
            NativeCore core,
            Path home,
            Checkpoint checkpoint,
            LogSegment[] segments,
            CommittedView view) {
        this.region = region;
        this.core = core;
        this.home = home;
        this.segments = segments;
        this.view = view;
        this.checkpoint = checkpoint;
        identity = checkpoint.identity();
    }

    /**
     * For an image closed in order, or written in place: its log holds nothing, so it is not read. One look at the start
     * of each segment makes sure that this log belongs to this home image and not to a later state of it.
     */
    public Result confirmEmpty() throws FileFailure {
        for (LogSegment segment : segments) {
            try (NativeMemory memory = new NativeMemory(core, Batch.HEADER_SIZE)) {
                segment.file().read(memory.address(), Batch.HEADER_SIZE, 0);
                if (!beginsWithBatch(memory)) {
                    continue;
                }
                ByteBuffer header = memory.view(0, Batch.HEADER_SIZE);
                boolean own = header.getLong(Batch.IDENTITY_AT) == identity;
                if (own && header.getLong(Batch.GENERATION_AT) < checkpoint.generation()
                        || !isSealed(segment, header.getLong(Batch.PAYLOAD_LENGTH_AT))) {
                    continue;
                }
                if (!own) {
                    throw foreign(segment, header.getLong(Batch.IDENTITY_AT));
                }
                throw HomeImage.damaged(
                        region,
                        segment.file(),
                        0,
                        "there is a batch of epoch "
                                + header.getLong(Batch.EPOCH_AT) + ", generation " + header.getLong(Batch.GENERATION_AT)
                                + ", but " + home + " was "
                                + (checkpoint.state() == Checkpoint.State.IN_PLACE ? "opened in place" : "closed")
                                + " at epoch " + checkpoint.homeEpoch() + " before generation "
                                + checkpoint.generation()
                                + ": the files are not of one moment");
            }
        }
        return new Result(checkpoint.homeEpoch(), checkpoint.generation(), List.of());
    }

    /**
     * Whether the batch that a segment begins with is whole. One that is not, torn or damaged, is no evidence of another
     * region or moment. The file counts, not the segment's size: a later state may have grown it.
     */
    private boolean isSealed(LogSegment segment, long payload) throws FileFailure {
        if (payload < 0 || payload > segment.file().size() - Batch.HEADER_SIZE) {
            return false;
        }
        long length = Batch.HEADER_SIZE + payload;
        try (NativeMemory memory = new NativeMemory(core, length)) {
            segment.file().read(memory.address(), length, 0);
            Batch batch = new Batch(core, memory.address(), length);
            return batch.storedChecksum() == batch.computeChecksum();
        }
    }

    /**
     * When this returns, every epoch that the view holds is durable, so its lines may go home.
     *
     * @throws DamagedImageException nothing was written
     */
    public Result replay() throws FileFailure {
        try (Content first = new Content(segments[Log.index(checkpoint.generation())]);
                Content second = new Content(segments[Log.index(checkpoint.generation() + 1)])) {
            Walk walk = walk(first, second);
            if (walk.damage != null) {
                throw walk.damage;
            }
            walk.last.makeLastDurable();
            return new Result(walk.missing - 1, checkpoint.generation() + 2, walk.remarks);
        }
    }

    /**
     * How far the log is intact, whatever is behind that; writes nothing. The view then holds the last epoch of it.
     *
     * @param damage why the chain must not end there; null: it may
     */
    public record Chain(long epoch, List<String> remarks, DamagedImageException damage) {}

    /** As {@link #replay}, for looking only. */
    public Chain examine() throws FileFailure {
        try (Content first = new Content(segments[Log.index(checkpoint.generation())]);
                Content second = new Content(segments[Log.index(checkpoint.generation() + 1)])) {
            Walk walk = walk(first, second);
            return new Chain(walk.missing - 1, walk.remarks, walk.damage);
        }
    }

    /**
     * @param last the segment in which the chain ends
     * @param missing the first epoch behind it
     */
    private record Walk(Content last, long missing, List<String> remarks, DamagedImageException damage) {}

    /** Replays the chain, and finds out whether it may end where it does. */
    private Walk walk(Content first, Content second) {
        DamagedImageException foreign = first.foreign() != null ? first.foreign() : second.foreign();
        if (foreign != null) {
            return new Walk(first, checkpoint.homeEpoch() + 1, List.of(), foreign);
        }
        long generation = checkpoint.generation();
        long missing = replayFrom(first, generation, checkpoint.homeEpoch() + 1);
        boolean switched = first.malformed == null && isNext(second.intactAt(0), generation + 1, missing);
        if (switched) {
            missing = replayFrom(second, generation + 1, missing);
        }
        Content last = switched ? second : first;
        return new Walk(last, missing, remarks(last, second, missing), damage(first, second, switched, missing));
    }

    /** Why the chain must not end before {@code missing}, or null. */
    private DamagedImageException damage(Content first, Content second, boolean switched, long missing) {
        Content last = switched ? second : first;
        if (last.malformed != null) {
            return last.malformed;
        }
        for (Content content : List.of(first, second)) {
            Found contradiction = content.contradiction(missing);
            if (contradiction != null) {
                return damagedMiddle(first, second, switched, missing, content, contradiction);
            }
        }
        if (missing <= checkpoint.highestEpoch()) {
            return HomeImage.damaged(
                    region,
                    last.segment.file(),
                    last.end,
                    "epoch " + missing + " is missing: "
                            + last.describe(last.end) + "; the home image already holds lines of epoch "
                            + checkpoint.highestEpoch() + ", so it was durable. Last intact epoch: " + (missing - 1));
        }
        return null;
    }

    private static boolean beginsWithBatch(NativeMemory memory) {
        ByteBuffer header = memory.view(0, Batch.HEADER_SIZE);
        return header.getInt(0) == Batch.MAGIC
                && header.getShort(Batch.VERSION_AT) == Batch.VERSION
                && header.getShort(Batch.HEADER_SIZE_AT) == Batch.HEADER_SIZE
                && header.getLong(Batch.OFFSET_AT) == 0;
    }

    private DamagedImageException foreign(LogSegment segment, long found) {
        return HomeImage.damaged(
                region,
                segment.file(),
                0,
                "the log belongs to region identity " + Sector.hexadecimal(found) + " instead of "
                        + Sector.hexadecimal(identity));
    }

    private static boolean isNext(Found found, long generation, long epoch) {
        return found != null && found.generation == generation && found.epoch == epoch;
    }

    /** Replays the chain within one segment and leaves its end there; returns the first epoch not replayed. */
    private long replayFrom(Content content, long generation, long firstEpoch) {
        long epoch = firstEpoch;
        while (true) {
            Found found = content.intactAt(content.end);
            if (!isNext(found, generation, epoch)) {
                return epoch;
            }
            int result = view.tryApply(epoch, content.memory.address() + found.offset, found.length);
            if (result != 0) {
                content.malformed = HomeImage.damaged(
                        region,
                        content.segment.file(),
                        found.offset,
                        "the batch of"
                                + " epoch " + epoch
                                + " is intact but names pages outside of the region; last intact epoch: "
                                + (epoch - 1));
                return epoch;
            }
            content.end += Batch.padded(found.length);
            content.last = found;
            epoch++;
        }
    }

    private DamagedImageException damagedMiddle(
            Content first, Content second, boolean switched, long missing, Content where, Found contradiction) {
        // The missing epoch is at the end of the chain, or, if the log switched right before it, at the other's start.
        boolean atOther = !switched && where == second && contradiction.offset > 0 && !first.hasLiveHeader(first.end);
        Content bad = switched || atOther ? second : first;
        long offset = bad.end;
        return HomeImage.damaged(
                region,
                bad.segment.file(),
                offset,
                "epoch " + missing + " is missing: "
                        + bad.describe(offset) + "; an intact batch of epoch " + contradiction.epoch + " at offset "
                        + contradiction.offset + " of " + where.segment.file().path() + " says that epoch "
                        + contradiction.durableEpoch + " was durable. Last intact epoch: " + (missing - 1));
    }

    private List<String> remarks(Content last, Content second, long missing) {
        List<String> remarks = new ArrayList<>();
        long replayed = missing - 1 - checkpoint.homeEpoch();
        Content torn = last.hasLiveHeader(last.end) ? last : second.hasLiveHeader(second.end) ? second : null;
        if (replayed > 0 || torn != null) {
            remarks.add("recovered to epoch " + (missing - 1) + ": " + replayed
                    + (replayed == 1 ? " batch" : " batches") + " replayed"
                    + (torn == null
                            ? ""
                            : ", a torn batch of epoch " + missing + " at offset " + torn.end + " of "
                                    + torn.segment.file().path() + " dropped"));
        }
        return remarks;
    }
}
