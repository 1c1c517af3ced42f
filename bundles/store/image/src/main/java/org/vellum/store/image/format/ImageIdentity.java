// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.format;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.vellum.nativelib.NativeCore;

/**
 * The sector that says what an image is. Written when the image is created and never again, so no crash can tear it.
 *
 * <pre>
 *    0  magic "VELLUMIM"        8  format version, 4     12  header size, 4
 *   16  region identity        24  size
 *   40  home offset            48  checksum table offset
 *   56  log segment size       64  creation time, milliseconds since 1970
 *   72  page size, 4           76  name length, 4        80  name, UTF-8, at most 255 bytes
 *  508  CRC-32C of bytes 0 to 507
 * </pre>
 *
 * @param segmentSize bytes of a log segment as created
 */
public record ImageIdentity(
        long identity, long size, long homeOffset, long tableOffset, long segmentSize, long creationTime, String name) {

    public static final long OFFSET = 0;
    /** Identity, two checkpoint slots and holder, each in a block of its own. */
    public static final int HEADER_SIZE = 4 * NativeCore.PAGE_SIZE;

    public static final int MAXIMUM_NAME = 255;

    public static final long MAGIC = 0x4d494d554c4c4556L; // "VELLUMIM"
    static final long HOME_ALIGNMENT = 2L << 20;

    /** Where the parts of a new image go. */
    public static ImageIdentity layOut(String name, long identity, long size, long segmentSize, long creationTime) {
        long table = Math.multiplyExact(size / NativeCore.PAGE_SIZE, (long) PageChecksums.ENTRY_SIZE);
        long homeOffset = roundUp(Math.addExact(HEADER_SIZE, table), HOME_ALIGNMENT);
        return new ImageIdentity(identity, size, homeOffset, HEADER_SIZE, segmentSize, creationTime, name);
    }

    public static long roundUp(long value, long alignment) {
        return Math.addExact(value, alignment - 1) & -alignment;
    }

    public long pages() {
        return size / NativeCore.PAGE_SIZE;
    }

    public long fileSize() {
        return Math.addExact(homeOffset, size);
    }

    public long tableLength() {
        return pages() * PageChecksums.ENTRY_SIZE;
    }

    public byte[] encode() {
        byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
        ByteBuffer sector = Sector.allocate(MAGIC)
                .putInt(12, HEADER_SIZE)
                .putLong(16, identity)
                .putLong(24, size)
                .putLong(40, homeOffset)
                .putLong(48, tableOffset)
                .putLong(56, segmentSize)
                .putLong(64, creationTime)
                .putInt(72, NativeCore.PAGE_SIZE)
                .putInt(76, nameBytes.length)
                .put(80, nameBytes);
        return Sector.seal(sector);
    }

    /** @param headerSize of the sector's version */
    public static ImageIdentity decode(ByteBuffer sector, int headerSize) throws Sector.Malformed {
        int nameLength = sector.getInt(76);
        long size = sector.getLong(24);
        long homeOffset = sector.getLong(40);
        long tableOffset = sector.getLong(48);
        if (sector.getInt(12) != headerSize
                || sector.getInt(72) != NativeCore.PAGE_SIZE
                || nameLength < 0
                || nameLength > MAXIMUM_NAME
                || size <= 0
                || size % NativeCore.PAGE_SIZE != 0
                || homeOffset <= 0
                || homeOffset % NativeCore.PAGE_SIZE != 0
                || tableOffset < headerSize
                || tableOffset > homeOffset
                || size / NativeCore.PAGE_SIZE > (homeOffset - tableOffset) / PageChecksums.ENTRY_SIZE
                || homeOffset > Long.MAX_VALUE - size) {
            throw new Sector.Malformed("the identity sector describes an impossible layout (size " + size
                    + ", home image at " + homeOffset + ", checksum table at " + tableOffset + ")");
        }
        byte[] nameBytes = new byte[nameLength];
        sector.get(80, nameBytes);
        return new ImageIdentity(
                sector.getLong(16),
                size,
                homeOffset,
                tableOffset,
                sector.getLong(56),
                sector.getLong(64),
                new String(nameBytes, StandardCharsets.UTF_8));
    }
}
