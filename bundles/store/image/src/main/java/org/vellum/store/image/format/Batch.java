// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.LongConsumer;
import java.util.zip.CRC32C;
import org.vellum.nativelib.NativeCore;

/**
 * One epoch's changes as a log record, in native memory. The layout is that of {@code native/include/vellum/batch.h}:
 *
 * <pre>
 *    0  magic "VBAT"      4  version, 2 bytes    6  header size, 2 bytes
 *    8  epoch            16  durable epoch      24  generation
 *   32  payload length   40  own offset         48  region identity
 *   56  entry count, 4   60  CRC-32C, 4         64  entries: page 8, line mask 8, 64 bytes for each bit
 * </pre>
 *
 * <p>Does not own the memory. A batch may be larger than 2 GiB, more than a buffer can span: payload is walked in
 * windows.
 */
public final class Batch {
    public static final int HEADER_SIZE = 64;
    public static final int ALIGNMENT = 64;
    public static final int MAGIC = 0x54414256;
    public static final short VERSION = 1;

    public static final int VERSION_AT = 4;
    public static final int HEADER_SIZE_AT = 6;
    public static final int EPOCH_AT = 8;
    public static final int DURABLE_EPOCH_AT = 16;
    public static final int GENERATION_AT = 24;
    public static final int PAYLOAD_LENGTH_AT = 32;
    public static final int OFFSET_AT = 40;
    public static final int IDENTITY_AT = 48;
    public static final int ENTRY_COUNT_AT = 56;
    public static final int CHECKSUM_AT = 60;

    private static final int ENTRY_SIZE = 16;

    /**
     * What a batch's header says, whatever its checksum: the one place that decodes it.
     *
     * @param isBatch magic, version and header size are those of a batch that this build writes
     * @param payload bytes behind the header; any number, if the header is damaged
     * @param offset its own, in the segment
     */
    public record Header(
            int magic,
            boolean isBatch,
            long epoch,
            long durableEpoch,
            long generation,
            long payload,
            long offset,
            long identity,
            int checksum) {

        /** Of {@link #HEADER_SIZE} bytes at the buffer's beginning, little-endian. */
        public static Header decode(ByteBuffer header) {
            return new Header(
                    header.getInt(0),
                    header.getInt(0) == MAGIC
                            && header.getShort(VERSION_AT) == VERSION
                            && header.getShort(HEADER_SIZE_AT) == HEADER_SIZE,
                    header.getLong(EPOCH_AT),
                    header.getLong(DURABLE_EPOCH_AT),
                    header.getLong(GENERATION_AT),
                    header.getLong(PAYLOAD_LENGTH_AT),
                    header.getLong(OFFSET_AT),
                    header.getLong(IDENTITY_AT),
                    header.getInt(CHECKSUM_AT));
        }

        /** Whether a segment that begins with this header begins with a batch. */
        public boolean beginsSegment() {
            return isBatch && offset == 0;
        }

        /** Whether the batch that the header claims has room in so many bytes from its beginning on. */
        public boolean fitsInto(long room) {
            return payload >= 0 && payload <= room - HEADER_SIZE;
        }

        /** Header and payload, without padding. */
        public long length() {
            return HEADER_SIZE + payload;
        }
    }

    private static final long WINDOW = 1L << 28;

    private final NativeCore core;
    private final long address;
    private final long length;
    private final ByteBuffer start;
    private final ByteBuffer header;

    /** @param length bytes of header and payload, without padding */
    public Batch(NativeCore core, long address, long length) {
        this(core, address, length, null);
    }

    /**
     * As above, where batches follow each other in the same memory.
     *
     * @param previous one whose buffer may be taken over, or null: to make a buffer costs several microseconds
     */
    public Batch(NativeCore core, long address, long length, Batch previous) {
        if (length < HEADER_SIZE) {
            throw new IllegalArgumentException("a batch of " + length + " bytes is shorter than its header");
        }
        this.core = core;
        this.address = address;
        this.length = length;
        if (previous != null && previous.address == address && padded(length) <= previous.start.capacity()) {
            start = previous.start;
        } else {
            start = core.memory().view(address, (int) Math.min(WINDOW, padded(length)));
        }
        header = view(0, HEADER_SIZE);
    }

    public static long padded(long length) {
        return (length + ALIGNMENT - 1) & -ALIGNMENT;
    }

    public long paddedLength() {
        return padded(length);
    }

    /** Completes the header, zeroes the padding and seals both with the checksum. */
    public void seal(long epoch, long durableEpoch, long generation, long offset, long identity) {
        header.putInt(0, MAGIC)
                .putShort(VERSION_AT, VERSION)
                .putShort(HEADER_SIZE_AT, (short) HEADER_SIZE)
                .putLong(EPOCH_AT, epoch)
                .putLong(DURABLE_EPOCH_AT, durableEpoch)
                .putLong(GENERATION_AT, generation)
                .putLong(PAYLOAD_LENGTH_AT, length - HEADER_SIZE)
                .putLong(OFFSET_AT, offset)
                .putLong(IDENTITY_AT, identity);
        int padding = (int) (paddedLength() - length);
        if (padding > 0) {
            view(length, padding).put(new byte[padding]);
        }
        header.putInt(CHECKSUM_AT, computeChecksum());
    }

    /** Whether the batch is whole. */
    public boolean fitsChecksum() {
        return header.getInt(CHECKSUM_AT) == computeChecksum();
    }

    /** CRC-32C of header and payload, the checksum field taken as zero. */
    public int computeChecksum() {
        byte[] headerBytes = new byte[HEADER_SIZE];
        header.get(0, headerBytes);
        for (int i = CHECKSUM_AT; i < HEADER_SIZE; i++) {
            headerBytes[i] = 0;
        }
        CRC32C checksum = new CRC32C();
        checksum.update(headerBytes);
        for (long done = HEADER_SIZE; done < length; ) {
            int slice = (int) Math.min(WINDOW, length - done);
            checksum.update(view(done, slice));
            done += slice;
        }
        return (int) checksum.getValue();
    }

    /** Calls back for the page number of each entry; of a malformed batch, only of the entries that fit into it. */
    public void forEachPage(LongConsumer consumer) {
        int entries = header.getInt(ENTRY_COUNT_AT);
        long windowStart = 0;
        ByteBuffer window = header;
        long position = HEADER_SIZE;
        for (int i = 0; i < entries && position + ENTRY_SIZE <= length; i++) {
            if (position + ENTRY_SIZE > windowStart + window.capacity()) {
                windowStart = position;
                window = view(windowStart, (int) Math.min(WINDOW, length - windowStart));
            }
            int at = (int) (position - windowStart);
            consumer.accept(window.getLong(at));
            position += ENTRY_SIZE + (long) NativeCore.LINE_SIZE * Long.bitCount(window.getLong(at + 8));
        }
    }

    private ByteBuffer view(long offset, int bytes) {
        ByteBuffer view = offset + bytes <= start.capacity()
                ? start.slice((int) offset, bytes)
                : core.memory().view(address + offset, bytes);
        return view.order(ByteOrder.LITTLE_ENDIAN);
    }
}
