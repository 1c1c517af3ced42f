// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.vellum.store.image.medium.FaultyFiles;

/**
 * What an image holds, read in the simplest way from the format's documentation, for comparison with the store's own
 * recovery: everything in memory, nothing shared with that code. Small images only.
 */
final class ReferenceReader {
    /**
     * @param bytes null of an image too large for a comparison
     * @param unverified pages whose entry in the table of checksums does not fit what the home image has there: opening
     *     does not look at those, the offline check does
     */
    record Content(long epoch, long address, byte[] bytes, BitSet unverified) {}

    /** The image holds nothing that can be trusted; the reason. */
    static final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        Refused(String message) {
            super(message);
        }
    }

    private record Record(long epoch, long durable, long generation, int segment, int offset, ByteBuffer payload) {}

    private static final int PAGE = 4096;
    private static final long LARGEST = 1 << 20;
    private static final long IDENTITY_MAGIC = magic("VELLUMIM");
    private static final long CHECKPOINT_MAGIC = magic("VELLUMCP");

    private final FaultyFiles files;
    private long identity;

    private ReferenceReader(FaultyFiles files) {
        this.files = files;
    }

    static Content read(FaultyFiles files) throws Refused {
        return new ReferenceReader(files).read();
    }

    private static long magic(String text) {
        long value = 0;
        for (int i = 7; i >= 0; i--) {
            value = value << 8 | text.charAt(i);
        }
        return value;
    }

    private static void require(boolean condition, String message) throws Refused {
        if (!condition) {
            throw new Refused(message);
        }
    }

    private static ByteBuffer little(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int crc(byte[]... parts) {
        CRC32C crc = new CRC32C();
        for (byte[] part : parts) {
            crc.update(part);
        }
        return (int) crc.getValue();
    }

    private static byte[] part(byte[] bytes, int from, int to) {
        return java.util.Arrays.copyOfRange(bytes, from, to);
    }

    private ByteBuffer home(long offset, int length) {
        return little(files.content(SeedImages.NAMES.home(), offset, length));
    }

    private Content read() throws Refused {
        require(files.exists(SeedImages.NAMES.home()), "no home image");
        long length = files.length(SeedImages.NAMES.home());
        require(length >= 512, "no header");
        ByteBuffer id = home(0, 512);
        require(id.getLong(0) == IDENTITY_MAGIC, "magic");
        int version = id.getInt(8);
        require(version == 1 || version == 2, "version");
        require(crc(part(id.array(), 0, 508)) == id.getInt(508), "identity checksum");
        identity = id.getLong(16);
        long size = id.getLong(24);
        long homeOffset = id.getLong(40);
        long tableOffset = id.getLong(48);
        int headerSize = version == 1 ? 3 * PAGE : 4 * PAGE;
        require(id.getInt(12) == headerSize && id.getInt(72) == PAGE, "header or page size");
        require(id.getInt(76) >= 0 && id.getInt(76) <= 255, "name");
        require(size > 0 && size % PAGE == 0 && homeOffset > 0 && homeOffset % PAGE == 0, "size or home offset");
        require(tableOffset >= headerSize && tableOffset <= homeOffset, "table offset");
        require(size / PAGE <= (homeOffset - tableOffset) / 4, "table length");
        require(size <= length - homeOffset, "truncated");

        ByteBuffer checkpoint = checkpoint(version);
        long address = version == 1 ? id.getLong(32) : checkpoint.getLong(72);
        int state = checkpoint.getInt(12);
        long homeEpoch = checkpoint.getLong(24);
        long generation = checkpoint.getLong(32);
        long highest = checkpoint.getLong(64);
        ByteBuffer[] segments = new ByteBuffer[2];
        for (int i = 0; i < 2; i++) {
            long segmentSize = checkpoint.getLong(48 + 8 * i);
            Path log = SeedImages.NAMES.log(i);
            // all is at home: without what it does not hold, the log is room, and can be made anew
            boolean room = state != 0
                    && segmentSize <= Math.max(16 << 20, 2 * size)
                    && (!files.exists(log)
                            || files.length(log) < segmentSize
                                    && java.util.Arrays.equals(
                                            files.content(log, 0, (int) files.length(log)),
                                            new byte[(int) files.length(log)]));
            require(segmentSize > 0 && segmentSize % 64 == 0, "segment size");
            require(room || files.exists(log), "no segment");
            require(room || segmentSize <= files.length(log), "truncated segment");
            segments[i] = room ? null : little(files.content(log, 0, (int) segmentSize));
        }

        if (size > LARGEST) {
            return new Content(homeEpoch, address, null, new BitSet());
        }
        int bytes = (int) size;
        byte[] content = files.content(SeedImages.NAMES.home(), homeOffset, bytes);
        BitSet unverified = new BitSet();
        for (int page = 0; page < bytes / PAGE; page++) {
            int expected = home(tableOffset + 4L * page, 4).getInt(0);
            byte[] there = part(content, page * PAGE, (page + 1) * PAGE);
            int found = crc(there);
            boolean fits = expected == 0
                    ? java.util.Arrays.equals(there, new byte[PAGE])
                    : expected == (found == 0 ? 1 : found);
            unverified.set(page, !fits);
        }
        long epoch = homeEpoch;
        if (state == 1 || state == 2) {
            for (int i = 0; i < 2; i++) {
                ByteBuffer segment = wholeLog(i);
                Record batch = wholeAt(segment, i, 0);
                require(batch == null || segment.getLong(48) == identity, "foreign segment");
                require(batch == null || batch.generation < generation, "closed before its log");
            }
            if (state == 2) {
                epoch = putBack(homeEpoch, content, unverified);
            }
        } else {
            epoch = replay(segments, homeEpoch, generation, highest, content);
        }
        return new Content(epoch, address, content, unverified);
    }

    private ByteBuffer checkpoint(int version) throws Refused {
        ByteBuffer chosen = null;
        for (int slot = 0; slot < (version == 1 ? 1 : 2); slot++) {
            ByteBuffer sector = home(4096L * (1 + slot), 512);
            boolean whole =
                    sector.getLong(0) == CHECKPOINT_MAGIC && crc(part(sector.array(), 0, 508)) == sector.getInt(508);
            if (!whole) {
                continue;
            }
            require(sector.getInt(8) == version, "checkpoint version");
            require(sector.getInt(12) >= 0 && sector.getInt(12) <= 2, "state");
            require(sector.getLong(16) == identity, "foreign checkpoint");
            if (chosen == null
                    || sector.getLong(40) > chosen.getLong(40)
                    || sector.getLong(40) == chosen.getLong(40) && (sector.getLong(40) & 1) == slot) {
                chosen = sector;
            }
        }
        require(chosen != null, "no checkpoint");
        return chosen;
    }

    private ByteBuffer wholeLog(int segment) {
        if (!files.exists(SeedImages.NAMES.log(segment))) {
            return little(new byte[0]);
        }
        long length = files.length(SeedImages.NAMES.log(segment));
        return little(files.content(SeedImages.NAMES.log(segment), 0, (int) length));
    }

    /** A batch whose checksum fits, of whatever region and generation; null: none. */
    private static Record wholeAt(ByteBuffer segment, int number, int at) {
        long payload = at + 64 <= segment.capacity() ? segment.getLong(at + 32) : -1;
        if (payload < 0
                || payload > segment.capacity() - at - 64
                || segment.getInt(at) != 0x54414256
                || segment.getShort(at + 4) != 1
                || segment.getShort(at + 6) != 64
                || segment.getLong(at + 40) != at) {
            return null;
        }
        byte[] bytes = part(segment.array(), at, at + 64 + (int) payload);
        if (crc(part(bytes, 0, 60), new byte[4], part(bytes, 64, bytes.length)) != segment.getInt(at + 60)) {
            return null;
        }
        return new Record(
                segment.getLong(at + 8), segment.getLong(at + 16), segment.getLong(at + 24), number, at, little(bytes));
    }

    private List<Record> intact(ByteBuffer segment, int number, long generation) {
        List<Record> records = new ArrayList<>();
        for (int at = 0; at + 64 <= segment.capacity(); at += 64) {
            Record record = wholeAt(segment, number, at);
            if (record != null && segment.getLong(at + 48) == identity && record.generation >= generation) {
                records.add(record);
            }
        }
        return records;
    }

    /** Written in place: the pre-images of what was not committed go back. */
    private long putBack(long homeEpoch, byte[] content, BitSet unverified) throws Refused {
        int pages = content.length / PAGE;
        Path path = SeedImages.NAMES.undo();
        int headers = (pages * 64 + PAGE - 1) / PAGE * PAGE;
        require(files.exists(path) && files.length(path) >= PAGE + headers + (long) pages * PAGE, "undo file");
        ByteBuffer undo = little(files.content(path, 0, PAGE + headers + pages * PAGE));
        require(
                undo.getLong(0) == magic("VELLUMUN")
                        && undo.getInt(8) == 2
                        && undo.getLong(16) == identity
                        && undo.getLong(32) == pages
                        && crc(part(undo.array(), 0, 60)) == undo.getInt(60),
                "undo header");
        long opening = undo.getLong(24);
        long word = undo.getLong(64);
        long epoch = word & 0xFFFF_FFFF_FFFFL;
        int check =
                crc(little(new byte[16]).putLong(0, epoch).putLong(8, opening).array()) & 0xFFFF;
        require(word >>> 48 == check && epoch >= homeEpoch, "epoch word");
        BitSet live = new BitSet();
        BitSet livePages = new BitSet();
        BitSet tornPages = new BitSet();
        long complete = 0;
        byte[] restored = content.clone();
        for (int slot = 0; slot < pages; slot++) {
            byte[] header = part(undo.array(), PAGE + slot * 64, PAGE + slot * 64 + 64);
            ByteBuffer fields = little(header);
            if (fields.getLong(0) != magic("VELLUMPI")
                    || fields.getLong(32) != opening
                    || fields.getLong(16) != epoch + 1) {
                continue;
            }
            int at = PAGE + headers + slot * PAGE;
            byte[] image = part(undo.array(), at, at + PAGE);
            long page = fields.getLong(8);
            boolean inside = page >= 0 && page < pages;
            if (crc(part(header, 0, 60), new byte[4], image) != fields.getInt(60)) {
                if (inside) {
                    tornPages.set((int) page);
                }
                continue;
            }
            require(inside && !livePages.get((int) page), "a slot's page");
            live.set(slot);
            livePages.set((int) page);
            complete = Math.max(complete, fields.getLong(24));
            System.arraycopy(image, 0, restored, (int) page * PAGE, PAGE);
        }
        require(live.nextClearBit(0) >= complete, "a lost pre-image");
        for (int page = 0; page < pages; page++) {
            require(!tornPages.get(page) || livePages.get(page) || !unverified.get(page), "a lost pre-image");
        }
        unverified.andNot(livePages);
        System.arraycopy(restored, 0, content, 0, content.length);
        return epoch;
    }

    private long replay(ByteBuffer[] segments, long homeEpoch, long generation, long highest, byte[] content)
            throws Refused {
        int first = (int) (generation & 1);
        Map<Long, Record> all = new HashMap<>();
        for (int segment = 0; segment < 2; segment++) {
            Record start = wholeAt(segments[segment], segment, 0);
            require(start == null || segments[segment].getLong(48) == identity, "foreign segment");
            for (Record record : intact(segments[segment], segment, generation)) {
                all.put(place(segment, record.offset), record);
            }
        }
        long next = homeEpoch + 1;
        int segment = first;
        int offset = 0;
        int[] ends = new int[2];
        while (true) {
            Record record = all.get(place(segment, offset));
            long expectedGeneration = segment == first ? generation : generation + 1;
            if (record != null && record.epoch == next && record.generation == expectedGeneration) {
                apply(record.payload, content);
                offset += (record.payload.capacity() + 63) / 64 * 64;
                ends[segment] = offset;
                next++;
            } else if (segment == first) {
                segment = 1 - first;
                offset = 0;
            } else {
                break;
            }
        }
        for (Record record : all.values()) {
            require(
                    record.offset < ends[record.segment] || record.durable < next && record.epoch >= next,
                    "epoch " + next + " is missing, and the log knows of it");
        }
        require(next > highest, "epoch " + next + " is missing, and home has lines of it");
        return next - 1;
    }

    private static long place(int segment, int offset) {
        return (long) segment << 32 | offset;
    }

    private static void apply(ByteBuffer batch, byte[] content) throws Refused {
        int at = 64;
        int entries = batch.getInt(56);
        byte[] changed = content.clone();
        for (long i = 0; i < Integer.toUnsignedLong(entries); i++) {
            require(batch.capacity() - at >= 16, "entries");
            long page = batch.getLong(at);
            long mask = batch.getLong(at + 8);
            at += 16;
            require(
                    page >= 0 && page < content.length / PAGE && batch.capacity() - at >= 64 * Long.bitCount(mask),
                    "entry");
            for (int line = 0; line < 64; line++) {
                if ((mask >>> line & 1) != 0) {
                    System.arraycopy(batch.array(), at, changed, (int) page * PAGE + line * 64, 64);
                    at += 64;
                }
            }
        }
        require(at == batch.capacity(), "trailing bytes");
        System.arraycopy(changed, 0, content, 0, content.length);
    }
}
