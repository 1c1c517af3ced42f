// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.guestmode;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** The ways in which a Java thread waits in the kernel, and how another ends its wait. */
enum BlockedCall {
    SOCKET_READ_CLOSED {
        @Override
        Wait begin() throws IOException {
            try (ServerSocketChannel server = ServerSocketChannel.open().bind(anywhere())) {
                SocketChannel silent = SocketChannel.open(server.getLocalAddress());
                SocketChannel channel = server.accept();
                return new Wait(
                        () -> expect(ClosedChannelException.class, () -> channel.read(ByteBuffer.allocateDirect(8))),
                        blocked -> channel.close(),
                        silent);
            }
        }
    },

    SOCKET_READ_INTERRUPTED {
        @Override
        Wait begin() throws IOException {
            try (ServerSocketChannel server = ServerSocketChannel.open().bind(anywhere())) {
                SocketChannel silent = SocketChannel.open(server.getLocalAddress());
                SocketChannel channel = server.accept();
                return new Wait(
                        () -> {
                            expect(ClosedByInterruptException.class, () -> channel.read(ByteBuffer.allocateDirect(8)));
                            Thread.interrupted();
                        },
                        Thread::interrupt,
                        silent);
            }
        }
    },

    ACCEPT_CLOSED {
        @Override
        Wait begin() throws IOException {
            ServerSocketChannel server = ServerSocketChannel.open().bind(anywhere());
            return new Wait(() -> expect(ClosedChannelException.class, server::accept), blocked -> server.close());
        }
    },

    DATAGRAM_RECEIVE_CLOSED {
        @Override
        Wait begin() throws IOException {
            DatagramChannel channel = DatagramChannel.open().bind(anywhere());
            return new Wait(
                    () -> expect(ClosedChannelException.class, () -> channel.receive(ByteBuffer.allocateDirect(8))),
                    blocked -> channel.close());
        }
    },

    PIPE_READ_CLOSED {
        @Override
        Wait begin() throws IOException {
            Pipe pipe = Pipe.open();
            return new Wait(
                    () -> expect(
                            ClosedChannelException.class, () -> pipe.source().read(ByteBuffer.allocateDirect(8))),
                    blocked -> pipe.source().close(),
                    pipe.sink());
        }
    },

    SELECTOR_WOKEN {
        @Override
        Wait begin() throws IOException {
            Selector selector = Selector.open();
            return new Wait(selector::select, blocked -> selector.wakeup(), selector);
        }
    },

    SLEEP_INTERRUPTED {
        @Override
        Wait begin() {
            return new Wait(() -> expect(InterruptedException.class, () -> TimeUnit.DAYS.sleep(1)), Thread::interrupt);
        }
    },

    PARK_ENDED {
        @Override
        Wait begin() {
            boolean[] ended = new boolean[1];
            return new Wait(
                    () -> {
                        while (!isSet(ended)) {
                            LockSupport.park();
                        }
                    },
                    blocked -> {
                        synchronized (ended) {
                            ended[0] = true;
                        }
                        LockSupport.unpark(blocked);
                    });
        }

        private boolean isSet(boolean[] flag) {
            synchronized (flag) {
                return flag[0];
            }
        }
    },

    WAIT_NOTIFIED {
        @Override
        Wait begin() {
            boolean[] ended = new boolean[1];
            return new Wait(
                    () -> {
                        synchronized (ended) {
                            while (!ended[0]) {
                                ended.wait();
                            }
                        }
                    },
                    blocked -> {
                        synchronized (ended) {
                            ended[0] = true;
                            ended.notifyAll();
                        }
                    });
        }
    };

    /** Everything up to the wait itself. */
    abstract Wait begin() throws IOException;

    private static InetSocketAddress anywhere() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    private static void expect(Class<? extends Exception> type, Body body) throws Exception {
        try {
            body.run();
        } catch (Exception e) {
            if (!type.isInstance(e)) {
                throw e;
            }
            return;
        }
        throw new AssertionError("the wait ended without " + type.getSimpleName());
    }

    /** What waits, or fails when its wait does not end as it should. */
    private interface Body {
        void run() throws Exception;
    }

    /** What ends the wait of a thread. */
    private interface End {
        void of(Thread blocked) throws IOException;
    }

    /** One wait. */
    static final class Wait implements Closeable {
        private final Body body;
        private final End end;
        private final Closeable[] others;

        private Wait(Body body, End end, Closeable... others) {
            this.body = body;
            this.end = end;
            this.others = others;
        }

        /** Returns when it was ended. */
        void await() throws Exception {
            body.run();
        }

        void end(Thread blocked) throws IOException {
            end.of(blocked);
        }

        @Override
        public void close() throws IOException {
            for (Closeable other : others) {
                other.close();
            }
        }
    }
}
