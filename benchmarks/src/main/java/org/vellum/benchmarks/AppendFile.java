package org.vellum.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The yardstick: what any program pays that makes this many bytes durable. One positional write behind the last one and
 * {@code fdatasync}, into a file whose blocks are allocated and written with zeros beforehand (so neither changes the
 * file's metadata), from the start again when it is full.
 */
final class AppendFile implements AutoCloseable {
    private final FileChannel channel;
    private final long size;
    private long position;

    AppendFile(Path file, long size) {
        this.size = size;
        try {
            channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            ByteBuffer zeros = ByteBuffer.allocateDirect(1 << 20);
            for (long offset = 0; offset < size; offset += zeros.capacity()) {
                zeros.clear().limit((int) Math.min(zeros.capacity(), size - offset));
                writeFully(zeros, offset);
            }
            channel.force(true);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot make the comparison file " + file, e);
        }
    }

    /** Appends all of a direct buffer and returns when it is on the device. */
    void append(ByteBuffer bytes) {
        bytes.rewind();
        if (position + bytes.limit() > size) {
            position = 0;
        }
        try {
            writeFully(bytes, position);
            channel.force(false);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot append to the comparison file", e);
        }
        position += bytes.limit();
    }

    private void writeFully(ByteBuffer bytes, long offset) throws IOException {
        long end = offset + bytes.remaining();
        while (bytes.hasRemaining()) {
            channel.write(bytes, end - bytes.remaining());
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot close the comparison file", e);
        }
    }
}
