// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** What a crash leaves: folders and files. Immutable; a recovery works on a {@link RecordingMedium} that begins as it. */
public final class CrashImage {
    /** Nothing at all: what a workload begins with. */
    public static final CrashImage EMPTY = new CrashImage(new TreeSet<>(), new TreeMap<>(), 0);

    private final SortedSet<String> directories;
    private final SortedMap<String, FileContent> files;
    /** The first number that no file has had. */
    private final int nextFile;

    CrashImage(SortedSet<String> directories, SortedMap<String, FileContent> files, int nextFile) {
        this.directories = directories;
        this.files = files;
        this.nextFile = nextFile;
    }

    /**
     * Bytes of which nothing depends and that differ from run to run, such as a time: two images that differ in nothing
     * else count as one.
     *
     * @param pathSuffix of the files meant
     */
    public record WithoutMeaning(String pathSuffix, long offset, int length) {}

    SortedSet<String> directories() {
        return directories;
    }

    SortedMap<String, FileContent> files() {
        return files;
    }

    int nextFile() {
        return nextFile;
    }

    /** The paths of all files, in order. */
    public List<String> paths() {
        return List.copyOf(files.keySet());
    }

    /** A file's size in bytes; the file must be there. */
    public long size(String path) {
        return content(path).size();
    }

    /** Bytes of a file; what is behind its end reads as zeros. */
    public byte[] read(String path, long offset, int length) {
        byte[] bytes = new byte[length];
        content(path).read(offset, bytes, 0, length);
        return bytes;
    }

    private FileContent content(String path) {
        FileContent content = files.get(path);
        if (content == null) {
            throw new IllegalArgumentException("the image has no file " + path + ", only " + files.keySet());
        }
        return content;
    }

    /** Of names, sizes and bytes. */
    long hash(List<WithoutMeaning> ignored) {
        long value = 1;
        for (String directory : directories) {
            value = Page.mix(value, directory.hashCode());
        }
        for (Map.Entry<String, FileContent> file : files.entrySet()) {
            FileContent content = file.getValue();
            value = Page.mix(value, file.getKey().hashCode());
            value = Page.mix(value, content.size());
            long sum = 0; // the pages are in no order
            for (Map.Entry<Long, Page> page : content.pages().entrySet()) {
                long hash = hash(file.getKey(), page.getKey(), page.getValue(), ignored);
                sum += hash == 0 ? 0 : Page.mix(page.getKey() + 1, hash);
            }
            value = Page.mix(value, sum);
        }
        return value;
    }

    private static long hash(String path, long number, Page page, List<WithoutMeaning> ignored) {
        byte[] masked = null;
        for (WithoutMeaning area : ignored) {
            long at = area.offset - number * Page.SIZE;
            if (at > -area.length && at < Page.SIZE && path.endsWith(area.pathSuffix)) {
                masked = masked == null ? page.bytes.clone() : masked;
                Arrays.fill(masked, (int) Math.max(0, at), (int) Math.min(Page.SIZE, at + area.length), (byte) 0);
            }
        }
        return masked == null ? page.hash() : new Page(masked).hash();
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("folders " + directories + ", files");
        files.forEach((path, content) -> text.append(' ')
                .append(path)
                .append(" (file ")
                .append(content.file())
                .append(", ")
                .append(content.size())
                .append(" bytes)"));
        return text.toString();
    }
}
