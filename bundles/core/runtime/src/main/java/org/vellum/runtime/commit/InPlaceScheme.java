// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import org.vellum.api.RegionException;
import org.vellum.api.provider.InPlace;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativeRegion;

/**
 * Commits by making durable what is in the home image already: the application stores there, behind pre-images that are
 * durable before. All of a commit happens in one native call with the gate closed, and nothing of it can fail; so there is
 * no batch to hand over, and nothing to take back.
 */
public final class InPlaceScheme implements CommitScheme {
    /** What a first store to a page writes to the undo log: its content and the slot's header. */
    private static final long PRE_IMAGE = NativeCore.PAGE_SIZE + 64;

    /** Of a slot's header in the undo log ({@code native/include/vellum/undo_log.h}). */
    private static final int SLOT_HEADER = 64;

    private static final int PAGE_AT = 8;
    private static final int EPOCH_AT = 16;

    private static final System.Logger LOGGER = System.getLogger(InPlaceScheme.class.getName());

    private final StoreImage image;
    private final NativeRegion region;
    private final ByteBuffer slotHeaders;

    private long epoch;
    private long loggedBytes;
    /** The last cut ended an epoch: the slots are its. */
    private boolean endedEpoch;

    /**
     * @param image written in place since {@link StoreImage#beginInPlace}
     * @param place what that returned
     * @param region closed with the scheme
     */
    public InPlaceScheme(NativeCore core, StoreImage image, InPlace place, NativeRegion region) {
        this.image = image;
        this.region = region;
        this.epoch = image.epoch();
        slotHeaders = core.memory()
                .view(place.undoSlotHeaders(), (int)
                        Math.min(place.slots() * SLOT_HEADER, Integer.MAX_VALUE / SLOT_HEADER * SLOT_HEADER))
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public Cut cut() {
        NativeRegion.InPlaceCommit commit = region.commitInPlace();
        endedEpoch = commit.epoch() != epoch;
        epoch = commit.epoch();
        loggedBytes += commit.dirtyPages() * PRE_IMAGE;
        return new Cut(commit.dirtyPages(), commit.dirtyPages() * NativeCore.PAGE_SIZE, commit.gateNanoseconds());
    }

    /**
     * By the slots of the undo log, which are taken from the first on. Threads store again already and take slots for the
     * next epoch: a page whose slot is taken over meanwhile is not shown. This is for people to look at, and nothing else.
     */
    @Override
    public void pagesOfCut(LongConsumer page) {
        for (int slot = 0; endedEpoch && slot < slotHeaders.capacity(); slot += SLOT_HEADER) {
            long slotEpoch = slotHeaders.getLong(slot + EPOCH_AT);
            if (slotEpoch == epoch) {
                page.accept(slotHeaders.getLong(slot + PAGE_AT));
            } else if (slotEpoch != epoch + 1) {
                return;
            }
        }
    }

    /** The cut has done it. */
    @Override
    public long complete() {
        return epoch;
    }

    @Override
    public void forgetFailed() {
        // no commit fails half way
    }

    @Override
    public void rollback() {
        loggedBytes += region.rollback() * PRE_IMAGE;
    }

    @Override
    public long loggedBytes() {
        return loggedBytes;
    }

    /** Within a commit there is one phase: no Java code runs while the gate is closed. */
    @Override
    public Set<Phase> phases() {
        return EnumSet.of(Phase.STORE, Phase.CUT, Phase.RECOVERY);
    }

    @Override
    public List<String> remarks() {
        return List.of("written in place: stores go to the home image itself, behind pre-images in an undo file");
    }

    /** The native half rolls back, durably, before it lets go. */
    @Override
    public void close() {
        region.close();
        try {
            release();
        } catch (RegionException e) {
            LOGGER.log(Level.WARNING, e.getMessage());
        }
    }

    @Override
    public void release() {
        image.endInPlace(epoch);
    }

    @Override
    public StoreImage image() {
        return image;
    }

    @Override
    public boolean isInPlace() {
        return true;
    }

    @Override
    public void changeImage(StoreImage next) {
        throw new IllegalStateException("a region that is written in place cannot change its image");
    }
}
