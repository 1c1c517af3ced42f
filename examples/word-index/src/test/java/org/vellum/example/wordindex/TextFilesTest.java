// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.wordindex;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class TextFilesTest {
    @TempDir
    Path folder;

    @Test
    void filesComeInOneOrderEachOnceAndWithoutLinks() throws IOException {
        Path root = folder.toRealPath();
        Path deep = Files.createDirectories(root.resolve("b")).resolve("x");
        Files.writeString(deep, "");
        Files.writeString(root.resolve("b.txt"), "");
        Files.writeString(root.resolve("a"), "");
        Files.createSymbolicLink(root.resolve("link"), deep);

        assertEquals(
                List.of(root.resolve("a"), root.resolve("b.txt"), deep),
                TextFiles.below(List.of(root, root.resolve("b"), root.resolve("a"))));
    }

    @Test
    void gzippedTextIsReadAsText() throws IOException {
        assertEquals(Optional.of("hello"), TextFiles.text(file(gzip("hello".getBytes()))));
    }

    @Test
    void aZeroByteMakesItBinaryGzippedOrNot() throws IOException {
        assertEquals(Optional.empty(), TextFiles.text(file(new byte[] {'a', 0, 'b'})));
        assertEquals(Optional.empty(), TextFiles.text(file(gzip(new byte[] {'a', 0, 'b'}))));
    }

    @Test
    void malformedInputIsReplaced() throws IOException {
        assertEquals(Optional.of("a\uFFFDb"), TextFiles.text(file(new byte[] {'a', (byte) 0xff, 'b'})));
    }

    @Test
    void aTruncatedGzipFileIsAnError() throws IOException {
        byte[] whole = gzip("hello".getBytes());
        byte[] half = java.util.Arrays.copyOf(whole, whole.length - 9);
        assertThrows(IOException.class, () -> TextFiles.text(file(half)));
    }

    private Path file(byte[] content) throws IOException {
        return Files.write(folder.resolve("file"), content);
    }

    private static byte[] gzip(byte[] content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream stream = new GZIPOutputStream(bytes)) {
            stream.write(content);
        }
        return bytes.toByteArray();
    }
}
