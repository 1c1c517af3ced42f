// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.nio.ByteBuffer;
import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.log.LogSegment;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;

/**
 * A log segment's content in memory, in which {@link Recovery} looks for batches. Read, not mapped: a bad block must
 * come as EIO, not as SIGBUS.
 *
 * <p>Intact: magic, version, header size, region identity, own offset, a generation not before the checkpoint's (a
 * recycled segment is full of valid batches of older ones), a length within the segment, and the checksum.
 */
final class SegmentContent implements AutoCloseable {
    /** How much of a segment is looked through with one buffer. */
    private static final int WINDOW = 1 << 20;

    /** An intact batch. */
    record Found(long offset, Batch.Header header) {
        boolean is(long generation, long epoch) {
            return header.generation() == generation && header.epoch() == epoch;
        }
    }

    private final NativeCore core;
    private final LogSegment segment;
    private final NativeMemory memory;
    private final Checkpoint checkpoint;

    /** Where the chain ends in this segment, and its batch right before that; null: none is here. */
    private long end;

    private Found last;
    /** Why the intact batch at the end of the chain cannot be replayed; null: there is no such batch. */
    private DamagedImageException malformed;

    /** @param checkpoint the home image's */
    SegmentContent(NativeCore core, LogSegment segment, Checkpoint checkpoint) throws FileFailure {
        this.core = core;
        this.segment = segment;
        this.checkpoint = checkpoint;
        memory = new NativeMemory(core, segment.size());
        try {
            segment.file().read(memory.address(), segment.size(), 0);
        } catch (FileFailure e) {
            memory.close();
            throw e;
        }
    }

    StoreFile file() {
        return segment.file();
    }

    long end() {
        return end;
    }

    DamagedImageException malformed() {
        return malformed;
    }

    long address(Found found) {
        return memory.address() + found.offset;
    }

    /** The batch at the end of the chain is part of it. */
    void extendChain(Found found) {
        end += Batch.padded(found.header.length());
        last = found;
    }

    void breakChain(DamagedImageException reason) {
        malformed = reason;
    }

    private Batch.Header header(long offset) {
        return Batch.Header.decode(memory.view(offset, Batch.HEADER_SIZE));
    }

    private boolean hasHeader(long offset) {
        return offset + Batch.HEADER_SIZE <= memory.length();
    }

    /** Whether a batch header of the live log is there, whatever its checksum says. */
    boolean hasLiveHeader(long offset) {
        return hasHeader(offset) && isLive(header(offset), offset);
    }

    private boolean isLive(Batch.Header header, long offset) {
        return header.magic() == Batch.MAGIC
                && header.identity() == checkpoint.identity()
                && header.offset() == offset
                && header.generation() >= checkpoint.generation();
    }

    /** The intact batch at an offset, or null. */
    Found intactAt(long offset) {
        return hasLiveHeader(offset) ? wholeAt(offset) : null;
    }

    /** A batch that fits its checksum, of whatever region, generation and offset; or null. */
    private Found wholeAt(long offset) {
        Batch.Header header = header(offset);
        return header.isBatch() && header.fitsInto(memory.length() - offset) && fitsChecksum(offset, header)
                ? new Found(offset, header)
                : null;
    }

    private boolean fitsChecksum(long offset, Batch.Header header) {
        return new Batch(core, memory.address() + offset, header.length()).fitsChecksum();
    }

    /**
     * Makes the last batch of the chain durable where it is. Written again, not only synced: if an fdatasync of the
     * process before failed, the cache takes the pages for clean and a sync would write nothing. A write that a
     * crash cuts short is harmless, the bytes are the same.
     */
    void makeLastDurable() throws FileFailure {
        if (last != null) {
            segment.write(address(last), Batch.padded(last.header.length()), last.offset);
            segment.file().syncData(PersistPoint.LAST_BATCH);
        }
    }

    /** Why a segment that begins with another region's batch is refused; null: it does not begin with one. */
    DamagedImageException foreign(String region) {
        Batch.Header first = header(0);
        return first.beginsSegment() && first.identity() != checkpoint.identity() && wholeAt(0) != null
                ? EmptyLog.foreign(region, segment.file(), first.identity(), checkpoint.identity())
                : null;
    }

    /** The first intact batch at or behind the end of the chain that contradicts a torn tail; null: none. */
    Found contradiction(long missingEpoch) {
        for (long start = end; start < memory.length(); start += WINDOW) {
            int length = (int) Math.min(WINDOW, memory.length() - start);
            ByteBuffer view = memory.view(start, length);
            for (int at = 0; at + Integer.BYTES <= length; at += Batch.ALIGNMENT) {
                if (view.getInt(at) == Batch.MAGIC) {
                    Found found = intactAt(start + at);
                    if (found != null
                            && (found.header.durableEpoch() >= missingEpoch || found.header.epoch() < missingEpoch)) {
                        return found;
                    }
                }
            }
        }
        return null;
    }

    /** What is wrong at the end of the chain, where a batch should be. */
    String describeEnd() {
        if (!hasHeader(end)) {
            return "the segment ends here";
        }
        Batch.Header header = header(end);
        if (!isLive(header, end)) {
            return "no batch begins here (magic " + Sector.hexadecimal(header.magic()) + " instead of "
                    + Sector.hexadecimal(Batch.MAGIC) + ", generation " + header.generation() + ", own offset "
                    + header.offset() + ", identity " + Sector.hexadecimal(header.identity()) + " instead of "
                    + Sector.hexadecimal(checkpoint.identity()) + ")";
        }
        if (!header.fitsInto(memory.length() - end)) {
            return "the batch claims a payload of " + header.payload() + " bytes, more than the segment holds";
        }
        int expected = new Batch(core, memory.address() + end, header.length()).computeChecksum();
        return header.checksum() == expected
                ? "the batch here is of epoch " + header.epoch() + ", generation " + header.generation()
                : "the batch has checksum " + Sector.hexadecimal(header.checksum()) + " instead of "
                        + Sector.hexadecimal(expected);
    }

    @Override
    public void close() {
        memory.close();
    }
}
