// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.PageChecksums;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.log.LogSegment;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;
import org.vellum.store.image.recovery.EmptyLog;
import org.vellum.store.image.recovery.UndoRecovery;

/**
 * Opens the two segments of a log. A segment that is missing is made anew where it held nothing: the log of an image
 * that is all at home is nothing but room. Whatever refuses the image does so before a segment is made anew.
 */
final class LogOpening {
    private static final long LARGEST_RESTORED_SEGMENT = 16L << 20;

    private final NativeCore core;
    private final StoreFiles files;
    private final ImageFiles names;
    private final HomeImage home;
    private final List<String> remarks;
    private final List<AutoCloseable> held;

    /**
     * @param remarks to be added to
     * @param held what the caller closes if the opening fails; to be added to
     */
    LogOpening(
            NativeCore core,
            StoreFiles files,
            ImageFiles names,
            HomeImage home,
            List<String> remarks,
            List<AutoCloseable> held) {
        this.core = core;
        this.files = files;
        this.names = names;
        this.home = home;
        this.remarks = remarks;
        this.held = held;
    }

    LogSegment[] run() throws FileFailure {
        boolean[] anew = {isToBeRestored(0), isToBeRestored(1)};
        LogSegment[] segments = new LogSegment[anew.length];
        for (int index = 0; index < anew.length; index++) {
            if (!anew[index]) {
                segments[index] = open(index, false);
            }
        }
        if (anew[0] || anew[1]) {
            LogSegment[] found =
                    Arrays.stream(segments).filter(Objects::nonNull).toArray(LogSegment[]::new);
            new EmptyLog(names.region(), core, names.home(), home.checkpoint()).confirm(found);
            if (home.checkpoint().state() == Checkpoint.State.IN_PLACE) {
                new UndoRecovery(names.region(), core, home).requirePreImages(files, names);
            }
        }
        for (int index = 0; index < anew.length; index++) {
            if (anew[index]) {
                segments[index] = open(index, true);
            }
        }
        return segments;
    }

    private boolean isToBeRestored(int index) throws FileFailure {
        Path path = names.log(index);
        long size = home.checkpoint().segmentSize(index);
        if (!files.exists(path)) {
            if (mayBeRestored(size)) {
                return true;
            }
            throw new DamagedImageException("region '" + names.region() + "': log segment " + path
                    + " is missing, " + names.home() + " needs it. Nothing was overwritten; bring it back from"
                    + " where the home image is from");
        }
        try (StoreFile file = files.open(path, false)) {
            long found = file.size();
            if (found < size && mayBeRestored(size) && holdsNothing(file, found)) {
                return true;
            }
            if (size <= 0 || size % Batch.ALIGNMENT != 0 || found < size) {
                throw HomeImage.damaged(
                        names.region(),
                        file,
                        found,
                        "the log segment ends after " + found + " bytes instead of " + size + ": it was truncated");
            }
            return false;
        }
    }

    /**
     * The log of an image that is all at home is nothing but room: without it nothing is lost. So somebody who deletes
     * a log under an open region, which says so, does not end what is closed in order afterwards. Of a size that such a
     * region's log can have: no header, whatever it claims, is to fill the medium. An image without an address was
     * never opened: its creation promised that its log is there before it has its name.
     */
    private boolean mayBeRestored(long size) {
        return home.checkpoint().state() != Checkpoint.State.IN_USE
                && home.checkpoint().address() != 0
                && size > 0
                && size % Batch.ALIGNMENT == 0
                && size
                        <= Math.max(
                                LARGEST_RESTORED_SEGMENT, 2 * home.identity().size());
    }

    /** What a crash leaves of making one anew. Anything else was truncated. */
    private boolean holdsNothing(StoreFile file, long length) throws FileFailure {
        try (NativeMemory page = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            for (long done = 0; done < length; done += NativeCore.PAGE_SIZE) {
                int part = (int) Math.min(NativeCore.PAGE_SIZE, length - done);
                page.view(0, NativeCore.PAGE_SIZE).put(new byte[NativeCore.PAGE_SIZE]);
                file.read(page.address(), part, done);
                if (!PageChecksums.isZero(page.view(0, NativeCore.PAGE_SIZE))) {
                    return false;
                }
            }
        }
        return true;
    }

    private LogSegment open(int index, boolean anew) throws FileFailure {
        long size = home.checkpoint().segmentSize(index);
        StoreFile file = files.open(names.log(index), anew);
        held.add(file);
        if (anew) {
            restore(file, size);
            remarks.add(names.log(index)
                    + " was missing, and has been made anew: there was no epoch in it, for the image"
                    + " was closed in order");
        }
        FilesAtOpen.closeToOthers(file, remarks);
        FilesAtOpen.makeReal(file, 0, size, remarks);
        LogSegment segment = new LogSegment(core, file, size);
        held.add(segment);
        return segment;
    }

    /** Its name becomes durable with all others, before the checkpoint says that it is used. */
    private void restore(StoreFile file, long size) throws FileFailure {
        file.truncate(0);
        LogSegment segment = new LogSegment(core, file, 0);
        try {
            segment.fill(0, size);
        } finally {
            segment.closeButFile();
        }
    }
}
