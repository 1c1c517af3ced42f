// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** The ways in which a Java program has the kernel write into a buffer. */
enum KernelWrite {
    FILE_READ {
        @Override
        Prepared prepare(byte[] content, Path file) throws IOException {
            FileChannel channel = FileChannel.open(Files.write(file, content));
            return new Prepared(channel::read, channel);
        }
    },

    FILE_PREAD {
        @Override
        Prepared prepare(byte[] content, Path file) throws IOException {
            FileChannel channel = FileChannel.open(Files.write(file, content));
            return new Prepared(target -> channel.read(target, 0), channel);
        }
    },

    FILE_READV {
        @Override
        Prepared prepare(byte[] content, Path file) throws IOException {
            FileChannel channel = FileChannel.open(Files.write(file, content));
            return new Prepared(target -> (int) channel.read(halves(target)), channel);
        }
    },

    PIPE_READ {
        @Override
        Prepared prepare(byte[] content, Path file) throws IOException {
            Pipe pipe = Pipe.open();
            pipe.sink().write(ByteBuffer.wrap(content));
            return new Prepared(pipe.source()::read, pipe.source(), pipe.sink());
        }
    },

    SOCKET_READ {
        @Override
        Prepared prepare(byte[] content, Path file) throws IOException {
            SocketChannel[] ends = connected();
            ends[0].write(ByteBuffer.wrap(content));
            return new Prepared(ends[1]::read, ends);
        }
    },

    SOCKET_READV {
        @Override
        Prepared prepare(byte[] content, Path file) throws IOException {
            SocketChannel[] ends = connected();
            ends[0].write(ByteBuffer.wrap(content));
            return new Prepared(target -> (int) ends[1].read(halves(target)), ends);
        }
    },

    DATAGRAM_RECEIVE {
        @Override
        Prepared prepare(byte[] content, Path file) throws IOException {
            DatagramChannel receiver = DatagramChannel.open().bind(new InetSocketAddress(loopback(), 0));
            DatagramChannel sender = DatagramChannel.open().connect(receiver.getLocalAddress());
            sender.write(ByteBuffer.wrap(content));
            return new Prepared(
                    target -> {
                        int before = target.position();
                        receiver.receive(target);
                        return target.position() - before;
                    },
                    receiver,
                    sender);
        }
    };

    /**
     * Everything up to the one system call.
     *
     * @param content what there will be to read
     * @param file where a file may be made for it
     */
    abstract Prepared prepare(byte[] content, Path file) throws IOException;

    private static ByteBuffer[] halves(ByteBuffer whole) {
        int middle = whole.remaining() / 2 + 1;
        return new ByteBuffer[] {whole.slice(0, middle), whole.slice(middle, whole.remaining() - middle)};
    }

    private static InetAddress loopback() {
        return InetAddress.getLoopbackAddress();
    }

    private static SocketChannel[] connected() throws IOException {
        try (ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress(loopback(), 0))) {
            SocketChannel sender = SocketChannel.open(server.getLocalAddress());
            return new SocketChannel[] {sender, server.accept()};
        }
    }

    /** The system call itself: how many bytes it wrote. */
    private interface Call {
        int into(ByteBuffer target) throws IOException;
    }

    /** A call about to be made. */
    static final class Prepared implements Closeable {
        private final Call call;
        private final Closeable[] channels;

        private Prepared(Call call, Closeable... channels) {
            this.call = call;
            this.channels = channels;
        }

        int into(ByteBuffer target) throws IOException {
            return call.into(target);
        }

        @Override
        public void close() throws IOException {
            for (Closeable channel : channels) {
                channel.close();
            }
        }
    }
}
