// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.wordindex;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class WordIndexTest {
    @TempDir
    Path folder;

    private final HeapRegion region = new HeapRegion(1 << 18);
    private final List<String> said = new ArrayList<>();

    @BeforeEach
    void writeFiles() throws IOException {
        for (int i = 0; i < 10; i++) {
            Files.writeString(folder.resolve("file" + i), "all share this, only " + "x".repeat(i + 1) + " differs");
        }
        Files.write(folder.resolve("binary"), new byte[] {'n', 'o', 0});
    }

    @Test
    void afterACrashItGoesOnWithTheNextFile() throws IOException {
        WordIndex index = new WordIndex(region, List.of(folder));
        assertThrows(Crash.class, () -> index.update(new Recorder(4)));
        index.table().add("never committed".getBytes(), 5);
        region.crash();

        WordIndex resumed = new WordIndex(region, List.of(folder));
        assertEquals(4, resumed.progress().files());
        resumed.update(new Recorder(Integer.MAX_VALUE));

        assertEquals(11, resumed.progress().files());
        assertEquals(10, resumed.progress().textFiles());
        assertEquals(11, said.size());
        assertEquals(List.copyOf(new java.util.TreeSet<>(said)), said);
        assertEquals(0, resumed.compareWithFreshCount(difference -> {}));
    }

    @Test
    void theComparisonFindsAWrongCountAMissingWordAndOneTooMany() throws IOException {
        WordIndex index = new WordIndex(region, List.of(folder));
        index.update(new Recorder(Integer.MAX_VALUE));
        index.table().add("share".getBytes(), 5);
        index.table().add("intruder".getBytes(), 8);
        Files.writeString(folder.resolve("file9"), "all share this, only Y differs");

        List<String> differences = new ArrayList<>();
        assertEquals(4, index.compareWithFreshCount(differences::add));
        assertTrue(differences.contains("'share' is counted 11 in the table, 10 in the files"), differences::toString);
        assertTrue(differences.contains("'intruder' is in the table, counted 1, but in no file"));
        assertTrue(differences.contains("'xxxxxxxxxx' is in the table, counted 1, but in no file"));
        assertTrue(differences.contains("'y' is in the files, counted 1, but not in the table"));
    }

    @Test
    void aRegionTooSmallSaysWhichSizeWouldDo() throws IOException {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 10_000; i++) {
            text.append(Integer.toString(i, 26).replaceAll("[0-9]", "z"))
                    .append("y".repeat(i % 7))
                    .append(' ');
        }
        Files.writeString(folder.resolve("file99"), text);
        WordIndex index = new WordIndex(new HeapRegion(1 << 16), List.of(folder));

        WordIndex.TooSmallException tooSmall =
                assertThrows(WordIndex.TooSmallException.class, () -> index.update(new Recorder(Integer.MAX_VALUE)));
        assertTrue(tooSmall.getMessage().contains("--size '1 MiB'"), tooSmall.getMessage());
    }

    @Test
    void theIndexOfOtherFoldersIsRefused() throws IOException {
        new WordIndex(region, List.of(folder));
        assertThrows(IllegalStateException.class, () -> new WordIndex(region, List.of(Path.of("/elsewhere"))));
    }

    @Test
    void aFileThatCannotBeReadIsSkippedAndSaid() throws IOException {
        Files.write(folder.resolve("cut.gz"), new byte[] {0x1f, (byte) 0x8b, 8, 0});
        WordIndex index = new WordIndex(region, List.of(folder));
        List<String> skipped = new ArrayList<>();
        index.update(new Recorder(Integer.MAX_VALUE) {
            @Override
            public void skipped(Path file, String reason) {
                skipped.add(file.getFileName().toString());
            }
        });
        assertEquals(List.of("cut.gz"), skipped);
        assertEquals(0, index.compareWithFreshCount(difference -> {}));
    }

    private static final class Crash extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private class Recorder implements WordIndex.Listener {
        private final int crashAfter;

        Recorder(int crashAfter) {
            this.crashAfter = crashAfter;
        }

        @Override
        public void started(int files) {}

        @Override
        public void committed(Path file, long epoch) {
            said.add(file.getFileName().toString());
            if (said.size() == crashAfter) {
                throw new Crash();
            }
        }

        @Override
        public void skipped(Path file, String reason) {
            throw new AssertionError(file + " skipped: " + reason);
        }
    }
}
