// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * What any program pays that makes so many bytes durable: one positional write behind the last one, and
 * {@code fdatasync}. Beyond a limit it goes on from the file's start, which is no part of what is timed. For one
 * thread.
 */
final class YardstickFile implements Trials.Trial, AutoCloseable {
    private final Path path;
    private final FileChannel channel;
    private final ByteBuffer bytes;
    private final long limit;
    private final boolean grows;
    private long position;

    private YardstickFile(Path path, int length, long limit, boolean grows) {
        this.path = path;
        this.limit = limit;
        this.grows = grows;
        bytes = ByteBuffer.allocateDirect(length);
        try {
            channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot open the yardstick " + path, e);
        }
    }

    /**
     * An append as the word is used: each write makes the file longer, so {@code fdatasync} has its new size to make
     * durable too, and now and then a new block. Emptied beyond the limit.
     *
     * @param path of a file that does not exist yet
     * @param length bytes of each append
     */
    static YardstickFile growing(Path path, int length, long limit) {
        return new YardstickFile(path, length, limit, true);
    }

    /**
     * A write to blocks that have been written before: {@code fdatasync} finds the file's metadata as it was.
     *
     * @param path of a file of at least {@code limit} bytes that have been written
     * @param length bytes of each write
     */
    static YardstickFile prepared(Path path, int length, long limit) {
        return new YardstickFile(path, length, limit, false);
    }

    /** One write and {@code fdatasync}; the only part is both together. */
    @Override
    public long[] run() {
        try {
            if (position + bytes.capacity() > limit) {
                startOver();
            }
            bytes.clear();
            bytes.putLong(0, System.nanoTime()); // the same bytes again would suit a device that finds duplicates
            long end = position + bytes.capacity();
            long started = System.nanoTime();
            while (bytes.hasRemaining()) {
                channel.write(bytes, end - bytes.remaining());
            }
            channel.force(false);
            long finished = System.nanoTime();
            position = end;
            return new long[] {finished - started};
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write to the yardstick " + path, e);
        }
    }

    private void startOver() throws IOException {
        position = 0;
        if (grows) {
            channel.truncate(0);
            channel.force(true); // else the next append would pay for it
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot close the yardstick " + path, e);
        }
    }
}
