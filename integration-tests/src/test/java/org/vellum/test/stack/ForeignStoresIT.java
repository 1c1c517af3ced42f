// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.LibC;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Stores that do not come from the Java code of the thread that commits: each is part of the next commit. */
class ForeignStoresIT {
    private static final int SIZE = 4 << 20;
    /** In the middle of a page, in the middle of the region, across many pages. */
    private static final int OFFSET = SIZE / 2 + 1000;

    private static final int LENGTH = 300_000;

    @RegisterExtension
    static final StackExtension STACK = new StackExtension();

    @TempDir
    Path folder;

    private final ExecutorService helper = Executors.newSingleThreadExecutor();

    @AfterEach
    void endHelper() {
        helper.shutdownNow();
    }

    private Region open(String strategy) {
        return STACK.regions()
                .open("orders", RegionOptions.size(SIZE).withDirectory(folder).withStrategy(strategy));
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static byte[] content(Region region, int offset, int length) {
        byte[] bytes = new byte[length];
        region.buffer(offset, length).get(0, bytes);
        return bytes;
    }

    /** Closes without another commit and looks at what the image holds. */
    private void assertCommitted(String strategy, Region region, byte[] expected) {
        region.close();
        try (Region reopened = open(strategy)) {
            assertArrayEquals(expected, content(reopened, OFFSET, expected.length));
            assertEquals(0, reopened.buffer(OFFSET - 1, 1).get(0));
            assertEquals(0, reopened.buffer(OFFSET + expected.length, 1).get(0));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void nativeCodeStoresIntoTheMiddle(String strategy) {
        byte[] expected = random(LENGTH);
        Region region = open(strategy);
        Pointer middle = new Pointer(region.address() + OFFSET);
        LibC.INSTANCE.memset(middle, 0x77, new NativeLong(LENGTH));
        region.commit();
        LibC.INSTANCE.memcpy(middle, expected, new NativeLong(LENGTH));
        region.commit();
        assertCommitted(strategy, region, expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void aRollbackUndoesWhatNativeCodeStored(String strategy) {
        byte[] expected = random(LENGTH);
        Region region = open(strategy);
        region.buffer(OFFSET, LENGTH).put(0, expected);
        region.commit();
        LibC.INSTANCE.memset(new Pointer(region.address() + OFFSET - 500), 0x77, new NativeLong(LENGTH + 1000));
        region.rollback();
        assertArrayEquals(expected, content(region, OFFSET, LENGTH));
        region.commit();
        assertCommitted(strategy, region, expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void anotherThreadStoresIntoTheMiddle(String strategy) throws Exception {
        byte[] expected = random(LENGTH);
        Region region = open(strategy);
        helper.submit(() -> region.buffer(OFFSET, LENGTH).put(0, expected)).get();
        region.commit();
        assertCommitted(strategy, region, expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void theKernelsOwnWriteIsCommittedOrFailsAtOnce(String strategy) throws Exception {
        byte[] expected = random(LENGTH);
        Path file = Files.write(folder.resolve("input"), expected);
        Region region = open(strategy);
        // untouched pages first, then pages that are open for writing, then pages closed again by a commit
        kernelWrite(file, region, "untouched pages");
        region.buffer(OFFSET, LENGTH).put(0, new byte[LENGTH]);
        kernelWrite(file, region, "pages stored to since the last commit");
        region.buffer(OFFSET, LENGTH).put(0, new byte[LENGTH]);
        region.commit();
        boolean written = kernelWrite(file, region, "pages stored to before the last commit");
        region.commit();
        assertCommitted(strategy, region, written ? expected : new byte[LENGTH]);
    }

    /** Whether read(2) wrote all of it; a failure must be EFAULT before the first byte, which Java calls an IOException. */
    private static boolean kernelWrite(Path file, Region region, String what) throws IOException {
        byte[] before = content(region, OFFSET, LENGTH);
        try (FileChannel channel = FileChannel.open(file)) {
            ByteBuffer target = region.buffer(OFFSET, LENGTH);
            while (target.hasRemaining() && channel.read(target) > 0) {}
            assertArrayEquals(Files.readAllBytes(file), content(region, OFFSET, LENGTH), what);
            System.out.println("read(2) into " + what + ": tracked");
            return true;
        } catch (IOException e) {
            assertTrue(e.getMessage().contains("Bad address"), () -> what + ": " + e);
            assertArrayEquals(before, content(region, OFFSET, LENGTH), what);
            System.out.println("read(2) into " + what + ": EFAULT");
            return false;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void readFullyAndWriteFullyWorkWithAFile(String strategy) throws Exception {
        byte[] expected = random(LENGTH);
        Path input = Files.write(folder.resolve("input"), expected);
        Region region = open(strategy);
        try (FileChannel channel = FileChannel.open(input)) {
            region.readFully(channel, OFFSET, LENGTH);
        }
        Path output = folder.resolve("output");
        try (FileChannel channel = FileChannel.open(output, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            region.writeFully(channel, OFFSET, LENGTH);
        }
        assertArrayEquals(expected, Files.readAllBytes(output));
        region.commit();
        assertCommitted(strategy, region, expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void readFullyAndWriteFullyWorkWithAPipe(String strategy) throws Exception {
        Pipe pipe = Pipe.open();
        try (Pipe.SinkChannel sink = pipe.sink();
                Pipe.SourceChannel source = pipe.source()) {
            roundTrip(strategy, sink, source);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void readFullyAndWriteFullyWorkWithASocket(String strategy) throws Exception {
        try (ServerSocketChannel server =
                        ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                SocketChannel sender = SocketChannel.open(server.getLocalAddress());
                SocketChannel receiver = server.accept()) {
            roundTrip(strategy, sender, receiver);
        }
    }

    /** More than a pipe or socket buffers, in both directions: into the region, and out of it again. */
    private void roundTrip(String strategy, WritableByteChannel sender, ReadableByteChannel receiver) throws Exception {
        byte[] expected = random(LENGTH);
        Region region = open(strategy);
        concurrently(
                () -> {
                    ByteBuffer bytes = ByteBuffer.wrap(expected);
                    while (bytes.hasRemaining()) {
                        sender.write(bytes);
                    }
                    return null;
                },
                () -> region.readFully(receiver, OFFSET, LENGTH));
        region.commit();
        ByteBuffer received = ByteBuffer.allocate(LENGTH);
        concurrently(
                () -> {
                    while (received.hasRemaining() && receiver.read(received) >= 0) {}
                    return null;
                },
                () -> region.writeFully(sender, OFFSET, LENGTH));
        assertArrayEquals(expected, received.array());
        assertCommitted(strategy, region, expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {StackExtension.DIRTY_BIT, StackExtension.WRITE_PROTECT})
    void whatAChannelHeldBeforeItEndedIsStored(String strategy) throws Exception {
        byte[] expected = random(1000);
        Path input = Files.write(folder.resolve("input"), expected);
        Region region = open(strategy);
        try (FileChannel channel = FileChannel.open(input)) {
            assertThrows(EOFException.class, () -> region.readFully(channel, OFFSET, LENGTH));
        }
        region.commit();
        assertCommitted(strategy, region, expected);
    }

    private void concurrently(Callable<?> beside, IoAction here) throws Exception {
        Future<?> other = helper.submit(beside);
        here.run();
        other.get();
    }

    private interface IoAction {
        void run() throws IOException;
    }
}
