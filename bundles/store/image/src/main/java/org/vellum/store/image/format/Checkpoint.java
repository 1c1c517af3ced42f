// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.format;

import java.nio.ByteBuffer;

/**
 * The sector that says which epochs the home image holds, where the log goes on, and where the region is mapped. There
 * are two slots for it. Checkpoint <em>n</em> is written to slot <em>n</em> mod 2, synced, then to the other one,
 * synced; nothing relies on it before that. The valid slot with the higher sequence counts.
 *
 * <pre>
 *    0  magic "VELLUMCP"        8  format version, 4     12  state, 4
 *   16  region identity        24  home epoch            32  generation
 *   40  sequence               48  size of log segment 0 56  size of log segment 1
 *   64  highest epoch in home  72  virtual address, 0 until recorded
 *  508  CRC-32C of bytes 0 to 507
 * </pre>
 *
 * @param homeEpoch the highest epoch that is durable in the home image as a whole
 * @param generation the log generation in which epoch {@code homeEpoch + 1} is, at offset 0, or in the one behind it
 * @param sequence counts the checkpoints of this image
 * @param segmentSize0 bytes that log segment 0 has at least
 * @param segmentSize1 bytes that log segment 1 has at least
 * @param highestEpoch the highest epoch of which the home image may hold lines; it was durable in the log then, so
 *     recovery must find it
 * @param address of the region's first byte, the same in every run
 */
public record Checkpoint(
        State state,
        long identity,
        long homeEpoch,
        long generation,
        long sequence,
        long segmentSize0,
        long segmentSize1,
        long highestEpoch,
        long address) {

    /** What was going on when the checkpoint was written; on the device, the ordinal. */
    public enum State {
        /** Batches may have been appended since. */
        IN_USE,
        /** The log holds nothing behind {@code homeEpoch}, and nothing was appended since. */
        CLOSED,
        /**
         * As closed, but the home image may have been stored to since: the undo file says which epoch is committed, not
         * before {@code homeEpoch}, and what its pages held then.
         */
        IN_PLACE,
        /** As closed, but the region is elsewhere: {@link Whereabouts} say where. */
        DEPARTED,
        /**
         * As closed, and the region's image if, and only if, its origin says that it departed for here: {@link
         * Whereabouts} say where that is. Only until it is opened.
         */
        ARRIVED
    }

    public static final int SLOTS = 2;
    public static final long MAGIC = 0x50434d554c4c4556L; // "VELLUMCP"

    /** Each slot has a block of its own, so that writing one never touches the other's or the identity's block. */
    public static long offset(int slot) {
        return 4096L * (1 + slot);
    }

    /** Whether the home image holds the home epoch and nothing else, so that the log need not be read. */
    public boolean isHome() {
        return state == State.CLOSED || state == State.DEPARTED || state == State.ARRIVED;
    }

    public long segmentSize(int segment) {
        return segment == 0 ? segmentSize0 : segmentSize1;
    }

    /** The slot that is written first. */
    public int firstSlot() {
        return (int) (sequence & 1);
    }

    public Checkpoint withSegmentSize(int segment, long size) {
        return new Checkpoint(
                state,
                identity,
                homeEpoch,
                generation,
                sequence,
                segment == 0 ? size : segmentSize0,
                segment == 1 ? size : segmentSize1,
                highestEpoch,
                address);
    }

    public Checkpoint withAddress(long newAddress) {
        return new Checkpoint(
                state, identity, homeEpoch, generation, sequence, segmentSize0, segmentSize1, highestEpoch, newAddress);
    }

    public Checkpoint withSequence(long newSequence) {
        return new Checkpoint(
                state, identity, homeEpoch, generation, newSequence, segmentSize0, segmentSize1, highestEpoch, address);
    }

    public Checkpoint next(State newState, long newHomeEpoch, long newGeneration, long newHighestEpoch) {
        return new Checkpoint(
                newState,
                identity,
                newHomeEpoch,
                newGeneration,
                sequence,
                segmentSize0,
                segmentSize1,
                newHighestEpoch,
                address);
    }

    public byte[] encode() {
        ByteBuffer sector = Sector.allocate(MAGIC)
                .putInt(12, state.ordinal())
                .putLong(16, identity)
                .putLong(24, homeEpoch)
                .putLong(32, generation)
                .putLong(40, sequence)
                .putLong(48, segmentSize0)
                .putLong(56, segmentSize1)
                .putLong(64, highestEpoch)
                .putLong(72, address);
        return Sector.seal(sector);
    }

    /** Of a whole sector. */
    public static Checkpoint decode(ByteBuffer sector, long expectedIdentity) throws Sector.Malformed {
        int state = sector.getInt(12);
        if (state < 0 || state >= State.values().length) {
            throw new Sector.Malformed(
                    "the checkpoint sector has state " + state + " instead of 0 to " + (State.values().length - 1));
        }
        if (sector.getLong(16) != expectedIdentity) {
            throw new Sector.Malformed("the checkpoint sector belongs to region identity "
                    + Sector.hexadecimal(sector.getLong(16)) + " instead of " + Sector.hexadecimal(expectedIdentity));
        }
        return new Checkpoint(
                State.values()[state],
                expectedIdentity,
                sector.getLong(24),
                sector.getLong(32),
                sector.getLong(40),
                sector.getLong(48),
                sector.getLong(56),
                sector.getLong(64),
                sector.getLong(72));
    }
}
