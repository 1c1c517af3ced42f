// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.wordindex;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * How far the index is, kept beside the table in the same memory, so that one commit makes both durable:
 *
 * <pre>
 *  0 magic (8)   8 checksum of the folders (8)  16 files done (8)  24 text files among them (8)
 * 32 length of the last file's path (4)  36 its UTF-8 bytes
 * </pre>
 *
 * Files come in the order of their paths, so the last one's path says which are done.
 */
final class Progress {
    static final int SIZE = 8192;

    private static final long MAGIC = 0x564f434142444f4eL;
    private static final int FOLDERS = 8;
    private static final int FILES = 16;
    private static final int TEXT_FILES = 24;
    private static final int PATH_LENGTH = 32;
    private static final int PATH = 36;

    private final ByteBuffer memory;

    /**
     * @throws IllegalStateException the memory holds the index of other folders
     */
    Progress(ByteBuffer memory, List<Path> folders) {
        this.memory = memory;
        long checksum = checksum(folders);
        if (memory.getLong(0) == 0) {
            memory.putLong(0, MAGIC);
            memory.putLong(FOLDERS, checksum);
        } else if (memory.getLong(0) != MAGIC || memory.getLong(FOLDERS) != checksum) {
            throw new IllegalStateException("the region holds something else than the index of " + folders
                    + "; name another --directory or --region");
        }
    }

    private static long checksum(List<Path> folders) {
        long sum = 1;
        for (Path folder : folders) {
            for (byte unit : folder.toString().getBytes(StandardCharsets.UTF_8)) {
                sum = sum * 31 + unit;
            }
            sum = sum * 31 + '\n';
        }
        return sum;
    }

    /** True if {@code file} comes after all that are done. */
    boolean isToDo(Path file) {
        return memory.getLong(FILES) == 0 || file.toString().compareTo(lastPath()) > 0;
    }

    void done(Path file, boolean isText) {
        byte[] path = file.toString().getBytes(StandardCharsets.UTF_8);
        if (path.length > SIZE - PATH) {
            throw new IllegalArgumentException(file + ": a path longer than " + (SIZE - PATH) + " bytes");
        }
        memory.putInt(PATH_LENGTH, path.length);
        memory.put(PATH, path);
        memory.putLong(FILES, memory.getLong(FILES) + 1);
        if (isText) {
            memory.putLong(TEXT_FILES, memory.getLong(TEXT_FILES) + 1);
        }
    }

    long files() {
        return memory.getLong(FILES);
    }

    long textFiles() {
        return memory.getLong(TEXT_FILES);
    }

    private String lastPath() {
        byte[] path = new byte[memory.getInt(PATH_LENGTH)];
        memory.get(PATH, path);
        return new String(path, StandardCharsets.UTF_8);
    }
}
