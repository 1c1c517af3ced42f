// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.creation;

import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.provider.Store;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.log.LogSegment;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/**
 * Creates an image's files so that a crash leaves either a complete image or none.
 *
 * <p>The unfinished home image comes first and is locked: it marks everything beside it as being made, for other
 * processes and after a crash. The rename comes last, when all that it names is durable. Log segments without a home
 * image and without that mark are someone's data, and are refused.
 */
public final class ImageCreation {
    private static final long SMALLEST_DEFAULT_SEGMENT = 1L << 20;
    private static final long LARGEST_DEFAULT_SEGMENT = 16L << 20;

    private final NativeCore core;
    private final StoreFiles files;
    private final ImageFiles names;
    private final Store.Request request;

    public ImageCreation(NativeCore core, StoreFiles files, ImageFiles names, Store.Request request) {
        this.core = core;
        this.files = files;
        this.names = names;
        this.request = request;
    }

    /** An empty image. */
    public void run() throws FileFailure {
        ImageIdentity identity = layOut(new SecureRandom().nextLong());
        // No address: whether a wanted one can be had is not known yet.
        Checkpoint checkpoint = new Checkpoint(
                Checkpoint.State.CLOSED,
                identity.identity(),
                0,
                0,
                0,
                identity.segmentSize(),
                identity.segmentSize(),
                0,
                0);
        run(identity, checkpoint, unfinished -> {});
    }

    /** What a new image holds, if it is not empty. */
    @FunctionalInterface
    public interface Content {
        /** Writes pages and their checksums to a file that is allocated and holds zeros. */
        void writeTo(StoreFile unfinished) throws FileFailure;
    }

    /** @param checkpoint with an empty log of the identity's size */
    public void run(ImageIdentity identity, Checkpoint checkpoint, Content content) throws FileFailure {
        Folders.create(files, names.directory());
        checkSpace(identity);
        refuseOrphanedLog();
        try (StoreFile unfinished = lockUnfinished("open it again")) {
            if (finishedMeanwhile(unfinished)) {
                return;
            }
            try {
                build(unfinished, identity, checkpoint, content);
            } catch (FileFailure e) {
                removeRemains(e);
                if (e.isOutOfSpace()) {
                    throw new InvalidRegionException(
                            "region '" + names.region() + "': " + needed(identity) + " bytes are needed in "
                                    + names.directory() + " and do not fit: " + e.getMessage()
                                    + "; free space or choose a smaller size",
                            e);
                }
                throw e;
            }
        }
    }

    /**
     * The mark that an image is being made here, for as long as it is open.
     *
     * @param wayOut for the case that somebody else has it
     */
    public StoreFile lockUnfinished(String wayOut) throws FileFailure {
        StoreFile unfinished = files.open(names.unfinished(), true);
        boolean locked = false;
        try {
            locked = unfinished.lock();
        } finally {
            if (!locked) {
                unfinished.close();
            }
        }
        if (!locked) {
            throw new RegionBusyException("region '" + names.region() + "': another process is creating it in "
                    + names.directory() + " now; " + wayOut + " when that is done");
        }
        return unfinished;
    }

    /**
     * Whether another creator finished between our look and our lock: what we hold is either that image, renamed, or a
     * new empty file of ours, which goes.
     */
    public boolean finishedMeanwhile(StoreFile unfinished) throws FileFailure {
        if (!files.exists(names.home())) {
            return false;
        }
        if (unfinished.size() == 0) {
            files.delete(names.unfinished());
        }
        return true;
    }

    /** Checks what is requested. */
    public ImageIdentity layOut(long randomIdentity) {
        long size = request.size();
        if (size <= 0 || size % NativeCore.PAGE_SIZE != 0) {
            throw new InvalidRegionException("region '" + names.region() + "': size " + size
                    + " is not a positive multiple of the page size " + NativeCore.PAGE_SIZE);
        }
        if (names.region().getBytes(StandardCharsets.UTF_8).length > ImageIdentity.MAXIMUM_NAME) {
            throw new InvalidRegionException("region '" + names.region() + "': the name is longer than "
                    + ImageIdentity.MAXIMUM_NAME + " bytes");
        }
        if (request.logSize() < 0) {
            throw new InvalidRegionException("region '" + names.region() + "': log size " + request.logSize()
                    + " is negative; 0 lets the store choose");
        }
        long segment = request.logSize() > 0
                ? request.logSize() / 2
                : Math.min(Math.max(size / 4, SMALLEST_DEFAULT_SEGMENT), LARGEST_DEFAULT_SEGMENT);
        try {
            ImageIdentity identity = ImageIdentity.layOut(
                    names.region(),
                    randomIdentity,
                    size,
                    ImageIdentity.roundUp(Math.max(segment, 1), NativeCore.PAGE_SIZE),
                    System.currentTimeMillis());
            needed(identity); // for its exception
            return identity;
        } catch (ArithmeticException e) {
            throw new InvalidRegionException(
                    "region '" + names.region() + "': size " + size + " with a log of " + request.logSize()
                            + " is larger than any file can be",
                    e);
        }
    }

    /** Bytes that will have blocks; the gap between table and home image has none. */
    private static long needed(ImageIdentity identity) {
        return Math.addExact(
                Math.addExact(identity.tableOffset() + identity.tableLength(), identity.size()),
                Math.multiplyExact(2, identity.segmentSize()));
    }

    public void checkSpace(ImageIdentity identity) throws FileFailure {
        long free = files.freeSpace(names.directory());
        // 0 says nothing: file systems that do not count their blocks report it, and a full one refuses the allocation
        if (free > 0 && needed(identity) > free) {
            throw new InvalidRegionException("region '" + names.region() + "': " + needed(identity)
                    + " bytes are needed in " + names.directory() + ", " + free
                    + " are free; free space or choose a smaller size");
        }
    }

    public void refuseOrphanedLog() {
        for (int i = 0; i < 2; i++) {
            // Home last: another creator may be finishing now, and its rename takes the mark away.
            if (files.exists(names.log(i)) && !files.exists(names.unfinished()) && !files.exists(names.home())) {
                throw new DamagedImageException("region '" + names.region() + "': " + names.log(i)
                        + " is there, but its home image " + names.home()
                        + " is not. Nothing was overwritten: bring the home image back, or delete the log to begin"
                        + " anew");
            }
        }
    }

    private void build(StoreFile unfinished, ImageIdentity identity, Checkpoint checkpoint, Content content)
            throws FileFailure {
        makeSegments(identity);
        allocate(unfinished, identity);
        content.writeTo(unfinished);
        makeReal(unfinished, identity);
        writeHeader(core, unfinished, identity, checkpoint);
        unfinished.syncData(PersistPoint.NEW_IMAGE);
        files.syncDirectory(names.directory(), PersistPoint.SEGMENT_NAMES);
        files.rename(names.unfinished(), names.home());
    }

    /** The log of an image whose unfinished home image is there and locked. */
    public void makeSegments(ImageIdentity identity) throws FileFailure {
        files.syncDirectory(names.directory(), PersistPoint.UNFINISHED_NAME);
        for (int i = 0; i < 2; i++) {
            try (StoreFile file = files.open(names.log(i), true)) {
                file.truncate(0);
                try (LogSegment segment = new LogSegment(core, file, 0)) {
                    segment.fill(0, identity.segmentSize());
                }
            }
        }
    }

    /** Makes an empty file one of zeros with room for all that is to be in it. */
    public static void allocate(StoreFile unfinished, ImageIdentity identity) throws FileFailure {
        unfinished.truncate(0);
        unfinished.allocate(0, identity.tableOffset() + identity.tableLength());
        unfinished.allocate(identity.homeOffset(), identity.size());
    }

    /**
     * What nothing was written to becomes written, so that no write of a trim is a block's first one: the log would be
     * let go of behind a sync that says nothing about that. Made durable by the next sync.
     */
    public static void makeReal(StoreFile unfinished, ImageIdentity identity) throws FileFailure {
        unfinished.makeReal(0, identity.tableOffset() + identity.tableLength(), true);
        unfinished.makeReal(identity.homeOffset(), identity.size(), true);
    }

    /** The header of a file that has no name yet: identity, and the checkpoint in both slots. */
    public static void writeHeader(NativeCore core, StoreFile unfinished, ImageIdentity identity, Checkpoint checkpoint)
            throws FileFailure {
        try (NativeMemory memory = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            HomeImage.writeSector(unfinished, memory, identity.encode(), ImageIdentity.OFFSET);
            for (int slot = 0; slot < Checkpoint.SLOTS; slot++) {
                HomeImage.writeSector(unfinished, memory, checkpoint.encode(), Checkpoint.offset(slot));
            }
        }
    }

    private void removeRemains(FileFailure reason) {
        if (files.exists(names.home())) {
            return; // renamed already: complete, only its durability is unknown
        }
        try {
            removeUnfinished();
        } catch (FileFailure e) {
            reason.addSuppressed(e);
        }
    }

    /** Of an image that has no home image under its own name. */
    public void removeUnfinished() throws FileFailure {
        files.delete(names.log(0));
        files.delete(names.log(1));
        // Last, also after a power cut: while it is there, what is left of the log is known to be unfinished.
        files.syncDirectory(names.directory(), PersistPoint.REMOVED_SEGMENT_NAMES);
        files.delete(names.unfinished());
    }
}
