// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.Arrays;

/**
 * One thing that a store did, or that was said about it, in the order in which it happened. The text of an event is
 * what reports show.
 *
 * <p>A file is known by a number that survives renaming. Paths are absolute, with {@code /} between names. Persist points
 * are named by the store: each call site of a write-back, a fence or a sync has a name of its own.
 */
public sealed interface Event {
    /** What makes earlier events durable; leaving one out is a mutation. */
    sealed interface Persist extends Event {
        /** The name of the call site. */
        String point();
    }

    /** What the oracle listens to; the medium does not change. */
    sealed interface Marker extends Event {}

    // ---- bytes ----

    /** By system call: durable with the next {@link SyncData} of the file. Grows the file if it ends behind it. */
    record Write(int file, long offset, byte[] bytes) implements Event {
        @Override
        public String toString() {
            return "write file " + file + " " + range(offset, bytes.length) + " " + digest(bytes);
        }
    }

    /** How a store instruction went. */
    enum StoreKind {
        /** Into the cache, by the store's own code: durable behind a write-back and a fence, or evicted at any time. */
        CACHED,
        /** Around the cache: durable behind the next fence of the same thread. */
        NON_TEMPORAL,
        /** Into the cache, by the application, which writes the image in place. */
        APPLICATION
    }

    /** By instruction, into a mapping of a byte-addressable file. Threads are numbered from 1. */
    record Store(int file, long offset, byte[] bytes, StoreKind kind, int thread) implements Event {
        @Override
        public String toString() {
            return "store " + kind.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-') + " file " + file + " "
                    + range(offset, bytes.length) + " " + digest(bytes) + by(thread);
        }
    }

    /**
     * CLWB or its like for every line of a range: what they hold now is durable behind the next {@link Fence} of the same
     * thread.
     */
    record WriteBack(int file, long offset, long length, String point, int thread) implements Persist {
        @Override
        public String toString() {
            return "write-back file " + file + " " + range(offset, length) + " (" + point + ")" + by(thread);
        }
    }

    /** SFENCE: the thread's non-temporal stores and write-backs before it are durable. */
    record Fence(String point, int thread) implements Persist {
        @Override
        public String toString() {
            return "fence (" + point + ")" + by(thread);
        }
    }

    /** fdatasync: bytes and size are durable, the file's name is not. */
    record SyncData(int file, String point) implements Persist {
        @Override
        public String toString() {
            return "sync-data file " + file + " (" + point + ")";
        }
    }

    /**
     * An fdatasync that failed: what was written may or may not be durable, and no later success says anything of it,
     * since the kernel takes the pages for clean.
     */
    record SyncDataFailed(int file) implements Event {
        @Override
        public String toString() {
            return "sync-data file " + file + " FAILED";
        }
    }

    /** The medium fails by itself: these bytes are what is durable there from now on, and what is read. */
    record Damage(int file, long offset, byte[] bytes) implements Event {
        @Override
        public String toString() {
            return "DAMAGE of file " + file + " " + range(offset, bytes.length) + " " + digest(bytes);
        }
    }

    // ---- sizes and names ----

    /** An empty file with a name; whatever had the name is gone. */
    record CreateFile(int file, String path, MediumKind kind) implements Event {
        @Override
        public String toString() {
            return "create file " + file + " " + path;
        }
    }

    /** Blocks that read as zeros; grows the file if it ends before them. */
    record Allocate(int file, long offset, long length) implements Event {
        @Override
        public String toString() {
            return "allocate file " + file + " " + range(offset, length);
        }
    }

    /** The file ends there. What it grows by reads as zeros. */
    record Truncate(int file, long length) implements Event {
        @Override
        public String toString() {
            return "truncate file " + file + " to " + length;
        }
    }

    /** Atomic; replaces what had the name. Durable with the next {@link SyncDirectory} of the folder of {@code to}. */
    record Rename(String from, String to) implements Event {
        @Override
        public String toString() {
            return "rename " + from + " to " + to;
        }
    }

    /** Removes a name. */
    record Delete(String path) implements Event {
        @Override
        public String toString() {
            return "delete " + path;
        }
    }

    /** A folder; its name is durable with the next {@link SyncDirectory} of the folder it is in. */
    record CreateDirectory(String path) implements Event {
        @Override
        public String toString() {
            return "create-directory " + path;
        }
    }

    /** fsync of a folder: the names in it are durable, its own is not. */
    record SyncDirectory(String path, String point) implements Persist {
        @Override
        public String toString() {
            return "sync-directory " + path + " (" + point + ")";
        }
    }

    // ---- markers ----

    /** From now on a crash may leave this epoch, with exactly this content. */
    record Begun(long epoch, byte[] content) implements Marker {
        @Override
        public String toString() {
            return "begun epoch " + epoch + " " + digest(content);
        }
    }

    /** The caller was told that the epoch is durable, with the content begun last. */
    record Acknowledged(long epoch) implements Marker {
        @Override
        public String toString() {
            return "acknowledged epoch " + epoch;
        }
    }

    /** The caller was told that the epoch will not be found by any recovery. */
    record Withdrawn(long epoch) implements Marker {
        @Override
        public String toString() {
            return "withdrawn epoch " + epoch;
        }
    }

    /** A recovery ended with this: from now on a crash leaves exactly this, until something is begun. */
    record Recovered(long epoch, byte[] content) implements Marker {
        @Override
        public String toString() {
            return "recovered epoch " + epoch + " " + digest(content);
        }
    }

    /** A remark for the reader of a report. */
    record Phase(String name) implements Marker {
        @Override
        public String toString() {
            return "phase " + name;
        }
    }

    /** Most recordings are of one thread. */
    private static String by(int thread) {
        return thread == 1 ? "" : " by thread " + thread;
    }

    private static String range(long offset, long length) {
        return "[" + offset + ", +" + length + ")";
    }

    /** The bytes if they are few, else their number's hash; a run of one value by that value. */
    private static String digest(byte[] bytes) {
        int shown = 16;
        boolean uniform = bytes.length > shown;
        for (int i = 1; i < bytes.length && uniform; i++) {
            uniform = bytes[i] == bytes[0];
        }
        if (uniform) {
            return String.format(java.util.Locale.ROOT, "all %02x", bytes[0]);
        }
        if (bytes.length > shown) {
            return String.format(java.util.Locale.ROOT, "hash %08x", Arrays.hashCode(bytes));
        }
        StringBuilder text = new StringBuilder();
        for (byte value : bytes) {
            text.append(String.format(java.util.Locale.ROOT, "%02x", value));
        }
        return text.toString();
    }
}
