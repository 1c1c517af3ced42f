// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** A disk's content in memory; what was never written costs nothing. */
final class SparseDisk {
    static final int SECTOR = 512;
    private static final int CHUNK = 1 << 16;
    private static final byte[] ZEROS = new byte[CHUNK];

    private final long size;
    private final byte[][] chunks;

    SparseDisk(long size) {
        this.size = size;
        chunks = new byte[Math.toIntExact((size + CHUNK - 1) / CHUNK)][];
    }

    static SparseDisk load(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            SparseDisk disk = new SparseDisk(channel.size());
            byte[] chunk = new byte[CHUNK];
            for (int i = 0; i < disk.chunks.length; i++) {
                ByteBuffer to = ByteBuffer.wrap(chunk, 0, (int) Math.min(CHUNK, disk.size - (long) i * CHUNK));
                while (to.hasRemaining() && channel.read(to, (long) i * CHUNK + to.position()) > 0) {
                    // short reads go on
                }
                if (!Arrays.equals(chunk, ZEROS)) {
                    disk.chunks[i] = chunk;
                    chunk = new byte[CHUNK];
                }
            }
            return disk;
        }
    }

    long size() {
        return size;
    }

    /** Makes a file hold this, with holes where nothing was written. */
    void store(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.WRITE, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING)) {
            channel.write(ByteBuffer.wrap(new byte[1]), size - 1);
            for (int i = 0; i < chunks.length; i++) {
                if (chunks[i] != null) {
                    write(channel, chunks[i], (long) i * CHUNK, (int) Math.min(CHUNK, size - (long) i * CHUNK));
                }
            }
        }
    }

    static void write(FileChannel channel, byte[] bytes, long offset, int length) throws IOException {
        ByteBuffer from = ByteBuffer.wrap(bytes, 0, length);
        while (from.hasRemaining()) {
            channel.write(from, offset + from.position());
        }
    }

    /** One sector, where it lies: the array to look in, at {@link #index}. */
    byte[] at(long offset) {
        byte[] chunk = chunks[(int) (offset / CHUNK)];
        return chunk == null ? ZEROS : chunk;
    }

    static int index(long offset) {
        return (int) (offset % CHUNK);
    }

    /** Changes one sector. */
    void setSector(long offset, byte[] from, int at) {
        int i = (int) (offset / CHUNK);
        if (chunks[i] == null) {
            chunks[i] = new byte[CHUNK];
        }
        System.arraycopy(from, at, chunks[i], index(offset), SECTOR);
    }
}
