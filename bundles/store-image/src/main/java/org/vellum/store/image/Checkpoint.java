package org.vellum.store.image;

import java.nio.ByteBuffer;

/**
 * The sector that says which epochs the home image holds and where the log goes on. Rewritten in place, one sector,
 * which is the unit the device writes atomically: either the old or the new one is found after a crash, and one that
 * fits its checksum in neither form is damage.
 *
 * <pre>
 *    0  magic "VELLUMCP"        8  format version, 4     12  state, 4: 0 in use, 1 closed
 *   16  region identity        24  home epoch            32  generation
 *   40  sequence               48  size of log segment 0 56  size of log segment 1
 *   64  highest epoch in home
 *  508  CRC-32C of bytes 0 to 507
 * </pre>
 *
 * @param closed the log holds nothing behind {@code homeEpoch}, and nothing was appended since this was written
 * @param homeEpoch the highest epoch that is durable in the home image as a whole
 * @param generation the log generation in which epoch {@code homeEpoch + 1} is, at offset 0, or in the one behind it
 * @param sequence counts the checkpoints of this image
 * @param segmentSize0 bytes that log segment 0 has at least
 * @param segmentSize1 bytes that log segment 1 has at least
 * @param highestEpoch the highest epoch of which the home image may hold lines; it was durable in the log then, so
 *     recovery must find it
 */
record Checkpoint(
        boolean closed,
        long identity,
        long homeEpoch,
        long generation,
        long sequence,
        long segmentSize0,
        long segmentSize1,
        long highestEpoch) {

    /** A block of its own, so that writing it never touches the identity's block. */
    static final long OFFSET = 4096;

    static final long MAGIC = 0x50434d554c4c4556L; // "VELLUMCP"

    long segmentSize(int segment) {
        return segment == 0 ? segmentSize0 : segmentSize1;
    }

    Checkpoint withSegmentSize(int segment, long size) {
        return new Checkpoint(
                closed, identity, homeEpoch, generation, sequence + 1,
                segment == 0 ? size : segmentSize0, segment == 1 ? size : segmentSize1, highestEpoch);
    }

    Checkpoint next(boolean nowClosed, long newHomeEpoch, long newGeneration, long newHighestEpoch) {
        return new Checkpoint(
                nowClosed, identity, newHomeEpoch, newGeneration, sequence + 1, segmentSize0, segmentSize1,
                newHighestEpoch);
    }

    byte[] encode() {
        ByteBuffer sector = Sector.allocate(MAGIC)
                .putInt(12, closed ? 1 : 0)
                .putLong(16, identity)
                .putLong(24, homeEpoch)
                .putLong(32, generation)
                .putLong(40, sequence)
                .putLong(48, segmentSize0)
                .putLong(56, segmentSize1)
                .putLong(64, highestEpoch);
        return Sector.seal(sector);
    }

    static Checkpoint decode(byte[] bytes, long expectedIdentity) throws Sector.Malformed {
        ByteBuffer sector = Sector.wrap(bytes);
        Sector.check(sector, MAGIC, "the checkpoint sector");
        int state = sector.getInt(12);
        if (state != 0 && state != 1) {
            throw new Sector.Malformed("the checkpoint sector has state " + state + " instead of 0 or 1");
        }
        if (sector.getLong(16) != expectedIdentity) {
            throw new Sector.Malformed("the checkpoint sector belongs to region identity "
                    + Sector.hexadecimal(sector.getLong(16)) + " instead of " + Sector.hexadecimal(expectedIdentity));
        }
        return new Checkpoint(
                state == 1, expectedIdentity, sector.getLong(24), sector.getLong(32), sector.getLong(40),
                sector.getLong(48), sector.getLong(56), sector.getLong(64));
    }
}
