// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.log;

import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;

/**
 * One of the two files of the log: a row of batches from offset 0, each at a multiple of 64 bytes. Filled with real
 * zeros before use, so that the fdatasync of an append finds the file's size and blocks as they were and writes data
 * only.
 *
 * <p>{@link #size} is what the durable checkpoint says and the only part in use; a growth that failed may have left the
 * file longer. Owns its file.
 */
public final class LogSegment implements AutoCloseable {
    /**
     * A page at a time: zeros written in large pieces are cached in large folios, and ext4 then looks at all of a
     * folio's blocks for every append to it (20 µs of 180 with 1 MiB).
     */
    private static final int ZEROS = 4096;

    private final StoreFile file;
    /** Never written to, so it stays the kernel's zero page. */
    private final NativeMemory zeros;

    private long size;
    /** The largest size that a checkpoint on the device may name; a failed growth does not shrink the file below it. */
    private long sizeOnRecord;

    public LogSegment(NativeCore core, StoreFile file, long size) {
        this.file = file;
        this.size = size;
        sizeOnRecord = size;
        zeros = new NativeMemory(core, ZEROS);
    }

    public StoreFile file() {
        return file;
    }

    public long size() {
        return size;
    }

    /** Not durable before {@link StoreFile#syncData}. */
    public void write(long address, long length, long offset) throws FileFailure {
        if (offset < 0 || offset % Batch.ALIGNMENT != 0 || offset + length > size) {
            throw new IllegalArgumentException(length + " bytes at offset " + offset + " of a segment of " + size);
        }
        file.write(address, length, offset);
    }

    /** Returns when no batch can be found at this offset any more. */
    void invalidate(long offset) throws FileFailure {
        write(zeros.address(), Batch.HEADER_SIZE, offset);
        file.syncData(PersistPoint.INVALIDATED_BATCH);
    }

    /** Fills [from, to) with zeros that have blocks of their own, and makes them durable. */
    public void fill(long from, long to) throws FileFailure {
        file.allocate(from, to - from);
        for (long offset = from; offset < to; ) {
            long length = Math.min(ZEROS, to - offset);
            file.write(zeros.address(), length, offset);
            offset += length;
        }
        file.syncData(PersistPoint.LOG_ZEROS);
    }

    /**
     * Makes an empty segment larger, durably: first the zeros, then the checkpoint that says so. A failure leaves it as
     * it was.
     */
    void grow(HomeImage home, int index, long newSize) throws FileFailure {
        try {
            fill(size, newSize);
        } catch (FileFailure e) {
            try {
                file.truncate(sizeOnRecord);
            } catch (FileFailure alsoFailed) {
                e.addSuppressed(alsoFailed);
            }
            throw e;
        }
        sizeOnRecord = Math.max(sizeOnRecord, newSize);
        home.writeCheckpoint(home.checkpoint().withSegmentSize(index, newSize));
        size = newSize;
    }

    @Override
    public void close() {
        file.close();
        closeButFile();
    }

    /** For who goes on with the file. */
    public void closeButFile() {
        zeros.close();
    }
}
