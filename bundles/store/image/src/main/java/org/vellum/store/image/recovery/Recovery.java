// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.util.ArrayList;
import java.util.List;
import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.home.CommittedView;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.log.Log;
import org.vellum.store.image.log.LogSegment;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.recovery.SegmentContent.Found;

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
 * <p>What makes a batch intact: {@link SegmentContent}.
 *
 * <p>The chain is what the page cache says. Its last batch may be nowhere else: a process killed between append and
 * fdatasync leaves that. Its lines must not reach home before the device has it, or a power cut then leaves a part of
 * an epoch at home and no log to complete it. The batches before it are durable, for the log appends only behind a
 * successful fdatasync.
 *
 * <p>A segment is created as zeros, so one that begins with another region's batch is another region's, and refused.
 */
public final class Recovery {
    private final String region;
    private final NativeCore core;
    private final LogSegment[] segments;
    private final CommittedView view;
    private final Checkpoint checkpoint;

    /**
     * @param checkpoint the home image's
     * @param view shows the home image
     */
    public Recovery(String region, NativeCore core, Checkpoint checkpoint, LogSegment[] segments, CommittedView view) {
        this.region = region;
        this.core = core;
        this.segments = segments;
        this.view = view;
        this.checkpoint = checkpoint;
    }

    /**
     * When this returns, every epoch that the view holds is durable, so its lines may go home.
     *
     * @throws DamagedImageException nothing was written
     */
    public Recovered replay() throws FileFailure {
        try (SegmentContent first = content(checkpoint.generation());
                SegmentContent second = content(checkpoint.generation() + 1)) {
            Walk walk = walk(first, second);
            if (walk.damage != null) {
                throw walk.damage;
            }
            walk.last.makeLastDurable();
            return new Recovered(walk.missing - 1, checkpoint.generation() + 2, walk.remarks);
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
        try (SegmentContent first = content(checkpoint.generation());
                SegmentContent second = content(checkpoint.generation() + 1)) {
            Walk walk = walk(first, second);
            return new Chain(walk.missing - 1, walk.remarks, walk.damage);
        }
    }

    private SegmentContent content(long generation) throws FileFailure {
        return new SegmentContent(core, segments[Log.index(generation)], checkpoint);
    }

    /**
     * @param last the segment in which the chain ends
     * @param missing the first epoch behind it
     */
    private record Walk(SegmentContent last, long missing, List<String> remarks, DamagedImageException damage) {}

    /** Replays the chain, and finds out whether it may end where it does. */
    private Walk walk(SegmentContent first, SegmentContent second) {
        DamagedImageException foreign = first.foreign(region) != null ? first.foreign(region) : second.foreign(region);
        if (foreign != null) {
            return new Walk(first, checkpoint.homeEpoch() + 1, List.of(), foreign);
        }
        long generation = checkpoint.generation();
        long missing = replayFrom(first, generation, checkpoint.homeEpoch() + 1);
        boolean switched = first.malformed() == null && isNext(second.intactAt(0), generation + 1, missing);
        if (switched) {
            missing = replayFrom(second, generation + 1, missing);
        }
        SegmentContent last = switched ? second : first;
        return new Walk(last, missing, remarks(last, second, missing), damage(first, second, switched, missing));
    }

    /** Why the chain must not end before {@code missing}, or null. */
    private DamagedImageException damage(SegmentContent first, SegmentContent second, boolean switched, long missing) {
        SegmentContent last = switched ? second : first;
        if (last.malformed() != null) {
            return last.malformed();
        }
        for (SegmentContent content : List.of(first, second)) {
            Found contradiction = content.contradiction(missing);
            if (contradiction != null) {
                return damagedMiddle(first, second, switched, missing, content, contradiction);
            }
        }
        if (missing <= checkpoint.highestEpoch()) {
            return HomeImage.damaged(
                    region,
                    last.file(),
                    last.end(),
                    "epoch " + missing + " is missing: "
                            + last.describeEnd() + "; the home image already holds lines of epoch "
                            + checkpoint.highestEpoch() + ", so it was durable. Last intact epoch: " + (missing - 1));
        }
        return null;
    }

    private static boolean isNext(Found found, long generation, long epoch) {
        return found != null && found.is(generation, epoch);
    }

    /** Replays the chain within one segment and leaves its end there; returns the first epoch not replayed. */
    private long replayFrom(SegmentContent content, long generation, long firstEpoch) {
        long epoch = firstEpoch;
        while (true) {
            Found found = content.intactAt(content.end());
            if (!isNext(found, generation, epoch)) {
                return epoch;
            }
            int result =
                    view.tryApply(epoch, content.address(found), found.header().length());
            if (result != 0) {
                content.breakChain(HomeImage.damaged(
                        region,
                        content.file(),
                        found.offset(),
                        "the batch of"
                                + " epoch " + epoch
                                + " is intact but names pages outside of the region; last intact epoch: "
                                + (epoch - 1)));
                return epoch;
            }
            content.extendChain(found);
            epoch++;
        }
    }

    private DamagedImageException damagedMiddle(
            SegmentContent first,
            SegmentContent second,
            boolean switched,
            long missing,
            SegmentContent where,
            Found contradiction) {
        // The missing epoch is at the end of the chain, or, if the log switched right before it, at the other's start.
        boolean atOther =
                !switched && where == second && contradiction.offset() > 0 && !first.hasLiveHeader(first.end());
        SegmentContent bad = switched || atOther ? second : first;
        long offset = bad.end();
        return HomeImage.damaged(
                region,
                bad.file(),
                offset,
                "epoch " + missing + " is missing: "
                        + bad.describeEnd() + "; an intact batch of epoch "
                        + contradiction.header().epoch() + " at offset "
                        + contradiction.offset() + " of " + where.file().path() + " says that epoch "
                        + contradiction.header().durableEpoch() + " was durable. Last intact epoch: " + (missing - 1));
    }

    private List<String> remarks(SegmentContent last, SegmentContent second, long missing) {
        List<String> remarks = new ArrayList<>();
        long replayed = missing - 1 - checkpoint.homeEpoch();
        SegmentContent torn =
                last.hasLiveHeader(last.end()) ? last : second.hasLiveHeader(second.end()) ? second : null;
        if (replayed > 0 || torn != null) {
            remarks.add("recovered to epoch " + (missing - 1) + ": " + replayed
                    + (replayed == 1 ? " batch" : " batches") + " replayed"
                    + (torn == null
                            ? ""
                            : ", a torn batch of epoch " + missing + " at offset " + torn.end() + " of "
                                    + torn.file().path() + " dropped"));
        }
        return remarks;
    }
}
