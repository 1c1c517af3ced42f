// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.nio.file.Path;
import java.util.Random;
import org.vellum.store.image.format.Sector;

/**
 * A file in memory on a device that writes eight bytes at a time: what the page cache holds, and what the device holds
 * for certain. After a power cut each word written since the last sync is the old or the new one.
 */
public final class TornFile implements StoreFile {
    private static final int WORD = 8;

    /** The process ends here. */
    public static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private final byte[] cache;
    private final byte[] device;
    private PersistPoint leftOut;
    private PersistPoint failing;
    private int callsLeft = Integer.MAX_VALUE;

    public TornFile(int size) {
        this(new byte[size], new byte[size]);
    }

    private TornFile(byte[] cache, byte[] device) {
        this.cache = cache;
        this.device = device;
    }

    public TornFile copy() {
        return new TornFile(cache.clone(), device.clone());
    }

    /** What a kill leaves: everything is there, and nothing more durable than before. */
    public TornFile killed() {
        return copy();
    }

    /** @param kind 0 nothing of it is there, 1 all, 2 a first part, 3 a last part, else a choice for each word */
    public TornFile powerCut(int kind, Random random) {
        byte[] left = device.clone();
        int at = random.nextInt(Sector.SIZE / WORD);
        for (int word = 0; word < left.length; word += WORD) {
            int inSector = word % Sector.SIZE / WORD;
            boolean there = switch (kind) {
                case 0 -> false;
                case 1 -> true;
                case 2 -> inSector < at;
                case 3 -> inSector >= at;
                default -> random.nextBoolean();
            };
            if (there) {
                System.arraycopy(cache, word, left, word, WORD);
            }
        }
        return new TornFile(left, left.clone());
    }

    public void leaveOut(PersistPoint point) {
        leftOut = point;
    }

    public void failOnce(PersistPoint point) {
        failing = point;
    }

    /** @param calls writes and syncs that still happen */
    public void stopAfter(int calls) {
        callsLeft = calls;
    }

    public void flip(long offset) {
        cache[(int) offset] ^= 1;
        device[(int) offset] ^= 1;
    }

    private void call() {
        if (callsLeft-- == 0) {
            throw new Stopped();
        }
    }

    @Override
    public Path path() {
        return Path.of("orders.vellum");
    }

    @Override
    public long size() {
        return cache.length;
    }

    @Override
    public void write(long address, long length, long offset) {
        call();
        Cores.CORE.memory().view(address, (int) length).get(cache, (int) offset, (int) length);
    }

    @Override
    public void read(long address, long length, long offset) {
        Cores.CORE.memory().view(address, (int) length).put(cache, (int) offset, (int) length);
    }

    @Override
    public void syncData(PersistPoint point) throws FileFailure {
        call();
        if (point == failing) {
            failing = null;
            throw new FileFailure("fdatasync (injected)", 5);
        }
        if (point != leftOut) {
            System.arraycopy(cache, 0, device, 0, cache.length);
        }
    }

    @Override
    public int descriptor() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void allocate(long offset, long length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void truncate(long length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean lock() {
        throw new UnsupportedOperationException();
    }

    @Override
    public long mapPrivate(long offset, long length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
