// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.wordindex;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.vellum.api.Region;

/**
 * The index of some folders in a region: the words of their text files with their counts, and which files are done.
 * It may be left at any moment, in any way, and goes on with the next file when opened again.
 */
final class WordIndex {
    private final Region region;
    private final List<Path> folders;
    private final Progress progress;
    private final WordTable table;

    WordIndex(Region region, List<Path> folders) {
        this.region = region;
        this.folders = folders;
        int memory = (int) Math.min(region.size(), Integer.MAX_VALUE);
        progress = new Progress(region.buffer(0, Progress.SIZE), folders);
        table = new WordTable(region.buffer(Progress.SIZE, memory - Progress.SIZE));
    }

    /** What is said after each file, when its words are durable. */
    interface Listener {
        void started(int files);

        void committed(Path file, long epoch);

        void skipped(Path file, String reason);
    }

    /**
     * Indexes the files that are not done yet, one commit a file.
     *
     * @throws WordTable.TableFullException the region is too small; its message says what would do
     */
    void update(Listener listener) throws IOException {
        List<Path> files = TextFiles.below(folders);
        listener.started(files.size());
        for (Path file : files) {
            if (progress.isToDo(file)) {
                Optional<String> text = textOrSkip(file, reason -> listener.skipped(file, reason));
                try {
                    text.ifPresent(words -> Words.split(words, table::add));
                } catch (WordTable.TableFullException e) {
                    throw tooSmall(e, file, files.size());
                }
                progress.done(file, text.isPresent());
                listener.committed(file, region.commit());
            }
        }
    }

    private static Optional<String> textOrSkip(Path file, Consumer<String> skipped) {
        try {
            return TextFiles.text(file);
        } catch (IOException e) {
            skipped.accept(e.toString());
            return Optional.empty();
        }
    }

    private TooSmallException tooSmall(WordTable.TableFullException full, Path file, int files) {
        long needed = Math.max(2, Math.round(1.5 * files / Math.max(1, progress.files()))) * region.size();
        long mebibytes = Math.max(1, Long.highestOneBit(2 * needed - 1) >> 20);
        return new TooSmallException(
                "region '" + region.name() + "' is too small: " + full.getMessage() + "; at " + file
                        + ", with " + progress.files() + " of " + files + " files done. Start again with --size '"
                        + mebibytes
                        + " MiB'",
                full);
    }

    Progress progress() {
        return progress;
    }

    WordTable table() {
        return table;
    }

    /**
     * Counts all files afresh in the heap and compares, every word and every count, both ways.
     *
     * @param difference takes a sentence for each difference
     * @return the number of differences
     */
    long compareWithFreshCount(Consumer<String> difference) throws IOException {
        Map<String, Long> fresh = freshCount(folders);
        long[] differences = new long[1];
        Consumer<String> report = sentence -> {
            differences[0]++;
            difference.accept(sentence);
        };
        table.forEach((word, count) -> {
            Long expected = fresh.remove(word);
            if (expected == null) {
                report.accept("'" + word + "' is in the table, counted " + count + ", but in no file");
            } else if (expected != count) {
                report.accept("'" + word + "' is counted " + count + " in the table, " + expected + " in the files");
            }
        });
        fresh.forEach((word, count) ->
                report.accept("'" + word + "' is in the files, counted " + count + ", but not in the table"));
        return differences[0];
    }

    /** Knows nothing of the region, nor of {@link WordTable}; uses all processors. */
    private static Map<String, Long> freshCount(List<Path> folders) throws IOException {
        Map<String, Long> counts = new ConcurrentHashMap<>();
        TextFiles.below(folders).parallelStream()
                .forEach(file -> count(file).forEach((word, count) -> counts.merge(word, count[0], Long::sum)));
        return counts;
    }

    private static Map<String, long[]> count(Path file) {
        Map<String, long[]> counts = new HashMap<>();
        textOrSkip(file, reason -> {})
                .ifPresent(text -> Words.split(text, (utf8, length) -> {
                    String word = new String(utf8, 0, length, StandardCharsets.UTF_8);
                    counts.computeIfAbsent(word, absent -> new long[1])[0]++;
                }));
        return counts;
    }

    /** The region cannot hold the index; the message says which size would. */
    static final class TooSmallException extends RuntimeException {
        private static final long serialVersionUID = 1;

        TooSmallException(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
