// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.Pipe;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.RegionOptions;
import org.vellum.runtime.testing.Bench;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ChannelTransferTest {
    private static final int SIZE = 200_704; // three bounce buffers and a rest, whole pages

    @TempDir
    Path folder;

    private final Bench bench = Bench.complete();
    private final OpenRegion region = bench.regions.open("orders", RegionOptions.size(SIZE), Bench.OWNER);

    private static byte[] noise(int length) {
        byte[] bytes = new byte[length];
        new Random(1).nextBytes(bytes);
        return bytes;
    }

    private Path file(byte[] content) throws IOException {
        return Files.write(folder.resolve("file"), content);
    }

    private byte[] content(int offset, int length) {
        byte[] bytes = new byte[length];
        region.buffer(offset, length).get(bytes);
        return bytes;
    }

    @Test
    void readFullyStoresExactlyTheBytesAskedFor() throws IOException {
        byte[] bytes = noise(SIZE);
        try (FileChannel channel = FileChannel.open(file(bytes))) {
            region.readFully(channel, 10, 150_001);

            assertEquals(150_001, channel.position());
        }

        assertArrayEquals(Arrays.copyOf(bytes, 150_001), content(10, 150_001));
        assertEquals(0, content(9, 1)[0]);
        assertArrayEquals(new byte[100], content(150_011, 100));
        assertEquals(1, region.commit());
        assertEquals(bytes[0], bench.store.durableContent("orders")[10]);
    }

    @Test
    void writeFullyWritesExactlyTheBytesAskedFor() throws IOException {
        byte[] bytes = noise(SIZE);
        region.buffer(0, SIZE).put(bytes);
        Path target = folder.resolve("target");
        try (FileChannel channel = FileChannel.open(target, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            region.writeFully(channel, 10, 150_001);
        }

        assertArrayEquals(Arrays.copyOfRange(bytes, 10, 150_011), Files.readAllBytes(target));
    }

    @Test
    void channelsThatAreNoFilesWorkToo() throws IOException {
        byte[] bytes = noise(100_000);
        region.readFully(Channels.newChannel(new ByteArrayInputStream(bytes)), 0, 100_000);
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        region.writeFully(Channels.newChannel(written), 0, 100_000);

        assertArrayEquals(bytes, written.toByteArray());
    }

    @Test
    void aChannelThatEndsFirstLeavesWhatItGave() throws IOException {
        byte[] bytes = noise(70_000);
        try (FileChannel channel = FileChannel.open(file(bytes))) {
            String message = assertThrows(EOFException.class, () -> region.readFully(channel, 0, 70_001))
                    .getMessage();

            assertTrue(message.contains("after 70000 of 70001"), message);
        }

        assertArrayEquals(bytes, content(0, 70_000));
    }

    @Test
    void nothingIsReadOrWrittenForARangeOutside() throws IOException {
        try (FileChannel channel = FileChannel.open(file(noise(10)))) {
            assertThrows(IndexOutOfBoundsException.class, () -> region.readFully(channel, SIZE - 5, 6));
            assertThrows(IndexOutOfBoundsException.class, () -> region.writeFully(channel, -1, 6));

            assertEquals(0, channel.position());
        }
    }

    @Test
    void directChannelsAreRefusedBothWaysAndUntouched() throws IOException {
        Path file = file(noise(8192));
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE, direct())) {
            String reading = assertThrows(IllegalArgumentException.class, () -> region.readFully(channel, 0, 4096))
                    .getMessage();
            String writing = assertThrows(IllegalArgumentException.class, () -> region.writeFully(channel, 0, 4096))
                    .getMessage();

            assertTrue(reading.contains("O_DIRECT") && writing.contains("O_DIRECT"), reading + writing);
            assertEquals(0, channel.position());
        }
        assertArrayEquals(noise(8192), Files.readAllBytes(file));
        assertArrayEquals(new byte[4096], content(0, 4096));
    }

    @Test
    void aClosedChannelIsNotTakenForADirectOne() throws IOException {
        FileChannel channel = FileChannel.open(file(noise(10)));
        channel.close();

        assertThrows(ClosedChannelException.class, () -> region.readFully(channel, 0, 1));
    }

    @Test
    void aChannelThatIsNotReadableSaysSo() throws IOException {
        try (FileChannel channel = FileChannel.open(file(noise(10)), StandardOpenOption.WRITE)) {
            assertThrows(NonReadableChannelException.class, () -> region.readFully(channel, 0, 1));
        }
    }

    @Test
    void nonBlockingChannelsAreRefused() throws IOException {
        Pipe pipe = Pipe.open();
        try (Pipe.SourceChannel source = pipe.source();
                Pipe.SinkChannel sink = pipe.sink()) {
            source.configureBlocking(false);
            sink.configureBlocking(false);

            assertTrue(assertThrows(IllegalArgumentException.class, () -> region.readFully(source, 0, 1))
                    .getMessage()
                    .contains("non-blocking"));
            assertThrows(IllegalArgumentException.class, () -> region.writeFully(sink, 0, 1));
        }
    }

    @Test
    void aChannelThatMakesNoProgressEndsWithAnError() {
        ReadableByteChannel idle = new ReadableByteChannel() {
            @Override
            public int read(ByteBuffer target) {
                return 0;
            }

            @Override
            public boolean isOpen() {
                return true;
            }

            @Override
            public void close() {}
        };

        assertTrue(assertThrows(IOException.class, () -> region.readFully(idle, 0, 1))
                .getMessage()
                .contains("no bytes"));
    }

    @Test
    void aSlowChannelDelaysNoCommit() throws IOException {
        Pipe pipe = Pipe.open();
        try (Pipe.SourceChannel source = pipe.source();
                Pipe.SinkChannel sink = pipe.sink()) {
            Bench.Call<Object> reading = Bench.inAnotherThread(() -> {
                region.readFully(source, 0, 2);
                return null;
            });
            sink.write(ByteBuffer.wrap(new byte[] {1}));
            await().until(() -> content(0, 1)[0] == 1);

            assertEquals(1, region.commit());

            sink.write(ByteBuffer.wrap(new byte[] {2}));
            reading.value();
            assertEquals(2, content(1, 1)[0]);
        }
    }

    /** ExtendedOpenOption.DIRECT by name: javac warns about the class, and JDK 25's cannot be told not to. */
    private static OpenOption direct() {
        try {
            return (OpenOption) Class.forName("com.sun.nio.file.ExtendedOpenOption")
                    .getField("DIRECT")
                    .get(null);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
