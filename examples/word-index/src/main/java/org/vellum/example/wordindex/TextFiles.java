// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.wordindex;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/** The text files below some folders: which there are, in an order that is always the same, and what they say. */
final class TextFiles {
    /** Bytes of text a file may have; a larger one is refused, so that a stray dump does not fill the heap. */
    static final int LARGEST = 256 << 20;

    private static final int PROBE = 8192;

    private TextFiles() {}

    /**
     * All regular files below the given folders (a file stands for itself), each once, in the order of their paths as
     * text. Symbolic links below are not followed.
     */
    static List<Path> below(Collection<Path> folders) throws IOException {
        TreeSet<String> paths = new TreeSet<>();
        for (Path folder : folders) {
            try (Stream<Path> tree = Files.walk(folder.toRealPath())) {
                tree.filter(path -> Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS))
                        .forEach(path -> paths.add(path.toString()));
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
        }
        List<Path> files = new ArrayList<>(paths.size());
        paths.forEach(path -> files.add(Path.of(path)));
        return files;
    }

    /**
     * A file's text, unpacked if it is gzipped, read as UTF-8 with malformed input replaced.
     *
     * @return empty if it is not text: a zero byte among the first {@value #PROBE}, as {@code grep} and {@code git} judge
     * @throws IOException it cannot be read to its end
     */
    static Optional<String> text(Path file) throws IOException {
        byte[] content;
        try (InputStream stream = Files.newInputStream(file)) {
            content = read(stream, file);
        }
        if (content.length > 2 && content[0] == 0x1f && content[1] == (byte) 0x8b) {
            try (InputStream stream = new GZIPInputStream(new ByteArrayInputStream(content), 1 << 16)) {
                content = read(stream, file);
            }
        }
        for (int i = 0; i < Math.min(content.length, PROBE); i++) {
            if (content[i] == 0) {
                return Optional.empty();
            }
        }
        return Optional.of(new String(content, StandardCharsets.UTF_8));
    }

    private static byte[] read(InputStream stream, Path file) throws IOException {
        byte[] content = stream.readNBytes(LARGEST);
        if (stream.read() >= 0) {
            throw new IOException(file + " holds more than " + LARGEST + " bytes");
        }
        return content;
    }
}
