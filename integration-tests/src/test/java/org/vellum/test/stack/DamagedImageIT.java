// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.DamagedImageException;
import org.vellum.api.Region;
import org.vellum.api.RegionOptions;
import org.vellum.test.tool.Folders;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.vellum.test.stack.Messages.assertNames;

/** Damage as an application meets it: refused with the file's name and the place, and nothing is overwritten. */
class DamagedImageIT {
    private static final int SIZE = 1 << 20;
    private static final int VERSION_OFFSET = 8;

    @RegisterExtension
    static final StackExtension STACK = new StackExtension();

    @TempDir
    Path folder;

    private Path home;

    @BeforeEach
    void makeAnImage() {
        try (Region region =
                STACK.regions().open("orders", RegionOptions.size(SIZE).withDirectory(folder))) {
            byte[] content = new byte[SIZE];
            Arrays.fill(content, (byte) 0x42);
            region.buffer(0, SIZE).put(0, content);
            region.commit();
        }
        home = folder.resolve("orders.vellum");
    }

    private DamagedImageException assertRefused() throws IOException {
        List<Path> files = Folders.files(folder);
        List<byte[]> before = contents(files);
        DamagedImageException refusal = assertThrows(
                DamagedImageException.class,
                () -> STACK.regions().open("orders", RegionOptions.existing().withDirectory(folder)));
        assertNames(refusal, "orders", home.toString(), "offset");
        assertEquals(files, Folders.files(folder));
        List<byte[]> after = contents(files);
        for (int i = 0; i < files.size(); i++) {
            assertArrayEquals(before.get(i), after.get(i), files.get(i).toString());
        }
        return refusal;
    }

    private static List<byte[]> contents(List<Path> files) throws IOException {
        List<byte[]> contents = new ArrayList<>();
        for (Path file : files) {
            contents.add(Files.readAllBytes(file));
        }
        return contents;
    }

    private void change(long offset, int mask) throws IOException {
        try (FileChannel channel = FileChannel.open(home, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, offset);
            one.put(0, (byte) (one.get(0) ^ mask)).rewind();
            channel.write(one, offset);
        }
    }

    @Test
    void aTruncatedImageIsRefused() throws IOException {
        long length = Files.size(home);
        try (FileChannel channel = FileChannel.open(home, StandardOpenOption.WRITE)) {
            channel.truncate(length - 4096);
        }
        assertNames(assertRefused(), Long.toString(length), Long.toString(length - 4096), "truncated");
    }

    @Test
    void anImageOfAnotherVersionIsRefusedAsSuch() throws IOException {
        change(VERSION_OFFSET, 0x40);
        assertNames(assertRefused(), "version");
    }

    @Test
    void aForeignFileIsRefused() throws IOException {
        Files.write(home, new byte[SIZE]);
        assertRefused();
    }

    @Test
    void aFlippedBitInTheHeaderIsRefused() throws IOException {
        change(24, 0x01);
        assertTrue(assertRefused().getMessage().contains("checksum"));
    }

    @Test
    void anImageThatIsBroughtBackOpensAgain() throws IOException {
        byte[] backup = Files.readAllBytes(home);
        change(30, 0x10);
        assertRefused();
        Files.write(home, backup);
        try (Region region =
                STACK.regions().open("orders", RegionOptions.existing().withDirectory(folder))) {
            assertEquals(0x42, region.buffer(SIZE - 1, 1).get(0));
        }
    }
}
