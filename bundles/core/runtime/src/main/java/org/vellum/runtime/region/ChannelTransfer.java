// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SelectableChannel;
import java.nio.channels.WritableByteChannel;
import java.util.concurrent.atomic.AtomicReference;
import org.vellum.api.Region;
import org.vellum.api.Section;
import org.vellum.nativelib.NativeCore;

/**
 * Copies between channels and a region through a buffer outside of it, so that each byte that enters the region is an
 * ordinary, tracked store. The copy runs in a section: a close waits for it and it never meets a closed region. The
 * channel is read and written outside of sections, so that a slow peer delays no commit. Safe for use by many threads.
 */
final class ChannelTransfer {
    private static final int BUFFER_SIZE = 64 * 1024;

    private final Region region;
    /** One buffer kept for the next call; threads that find none allocate their own. */
    private final AtomicReference<ByteBuffer> spare = new AtomicReference<>();

    ChannelTransfer(Region region) {
        this.region = region;
    }

    @SuppressWarnings("try") // a section is there to be held, not to be called
    void read(ReadableByteChannel channel, long offset, long length) throws IOException {
        ByteBuffer bounce = takeBuffer();
        try {
            refuseUnusable(channel, channel instanceof FileChannel file ? () -> file.read(misaligned(bounce)) : null);
            long done = 0;
            while (done < length) {
                bounce.clear().limit((int) Math.min(BUFFER_SIZE, length - done));
                int count = channel.read(bounce);
                if (count < 0) {
                    throw new EOFException("region '" + region.name() + "': the channel ended after " + done + " of "
                            + length + " bytes; these are stored from offset " + offset + " on, uncommitted");
                }
                refuseNoProgress(count, "gave", done, length);
                bounce.flip();
                try (Section section = region.section()) {
                    region.buffer(offset + done, count).put(bounce);
                }
                done += count;
            }
        } finally {
            spare.set(bounce);
        }
    }

    @SuppressWarnings("try")
    void write(WritableByteChannel channel, long offset, long length) throws IOException {
        ByteBuffer bounce = takeBuffer();
        try {
            refuseUnusable(channel, channel instanceof FileChannel file ? () -> file.write(misaligned(bounce)) : null);
            long done = 0;
            while (done < length) {
                int count = (int) Math.min(BUFFER_SIZE, length - done);
                bounce.clear();
                try (Section section = region.section()) {
                    bounce.put(region.buffer(offset + done, count));
                }
                bounce.flip();
                while (bounce.hasRemaining()) {
                    refuseNoProgress(channel.write(bounce), "took", done + bounce.position(), length);
                }
                done += count;
            }
        } finally {
            spare.set(bounce);
        }
    }

    private ByteBuffer takeBuffer() {
        ByteBuffer buffer = spare.getAndSet(null);
        return buffer != null
                ? buffer
                : ByteBuffer.allocateDirect(BUFFER_SIZE + NativeCore.PAGE_SIZE).alignedSlice(NativeCore.PAGE_SIZE);
    }

    /** No bytes at an address that is aligned to nothing. */
    private static ByteBuffer misaligned(ByteBuffer pageAligned) {
        return pageAligned.slice(1, 0);
    }

    @FunctionalInterface
    private interface EmptyTransfer {
        int run() throws IOException;
    }

    /**
     * A channel opened with {@code ExtendedOpenOption.DIRECT} has no public sign of it. But the JDK checks such a
     * channel's buffers for alignment before it looks at their length (sun.nio.ch.IOUtil, 17 to 25), so transferring
     * nothing at a misaligned address throws there, and is no system call at all elsewhere.
     */
    private void refuseUnusable(Channel channel, EmptyTransfer probe) throws IOException {
        if (channel instanceof SelectableChannel selectable && !selectable.isBlocking()) {
            throw new IllegalArgumentException("region '" + region.name()
                    + "': the channel is in non-blocking mode; call configureBlocking(true) first");
        }
        if (probe == null) {
            return;
        }
        try {
            probe.run();
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "region '" + region.name() + "': the channel was opened for direct I/O (O_DIRECT), whose transfers"
                            + " go on behind the page table; open it without ExtendedOpenOption.DIRECT",
                    e);
        }
    }

    private void refuseNoProgress(int count, String verb, long done, long length) throws IOException {
        if (count == 0) {
            throw new IOException("region '" + region.name() + "': the channel " + verb + " no bytes after " + done
                    + " of " + length + "; expected one that blocks until there is progress");
        }
    }
}
