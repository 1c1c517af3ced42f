// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.SortedMap;
import org.vellum.crash.enumeration.RecordingMedium.LivePages;

/**
 * A file of a {@link RecordingMedium}; the same for everyone who opens it. Offsets and lengths are in bytes. What is
 * passed is copied.
 */
public final class MediumFile {
    private final RecordingMedium medium;
    private final String path;
    private final int number;
    private final MediumKind kind;
    private final LivePages pages;
    private long size;

    MediumFile(RecordingMedium medium, String path, FileContent content) {
        this.medium = medium;
        this.path = path;
        number = content.file();
        kind = content.kind();
        pages = new LivePages(content);
        size = content.size();
    }

    /** The name it was created or found with; it may have been renamed since. */
    public String path() {
        return path;
    }

    /** What events call it by. */
    public int number() {
        return number;
    }

    public MediumKind kind() {
        return kind;
    }

    public long size() {
        synchronized (medium) {
            return size;
        }
    }

    /** By system call; grows the file if need be. */
    public void write(long offset, byte[] bytes) {
        byte[] copy = bytes.clone();
        medium.record(new Event.Write(number, offset, copy), () -> put(offset, copy));
    }

    /** By instruction, into a mapping; the file must be byte-addressable and reach so far. */
    public void store(long offset, byte[] bytes, Event.StoreKind how) {
        if (kind != MediumKind.BYTE_ADDRESSABLE || offset + bytes.length > size()) {
            throw new IllegalArgumentException("store of " + bytes.length + " bytes at " + offset + " of " + path + ", "
                    + kind + ", which has " + size());
        }
        byte[] copy = bytes.clone();
        medium.record(new Event.Store(number, offset, copy, how, medium.thread()), () -> put(offset, copy));
    }

    private void put(long offset, byte[] bytes) {
        pages.write(offset, bytes);
        size = Math.max(size, offset + bytes.length);
    }

    /** What holds all lines of the range now is durable behind the next fence of this thread. */
    public void writeBack(long offset, long length, String point) {
        if (length > 0) {
            medium.record(new Event.WriteBack(number, offset, length, point, medium.thread()), () -> {});
        }
    }

    /** fdatasync. */
    public void syncData(String point) {
        medium.record(new Event.SyncData(number, point), () -> {});
    }

    /** An fdatasync that fails, as a store sees it when its own file layer injects that. */
    public void syncDataFailed() {
        medium.record(new Event.SyncDataFailed(number), () -> {});
    }

    /** A medium that fails: for workloads in which something is kept twice. The file must reach so far. */
    public void damage(long offset, byte[] bytes) {
        byte[] copy = bytes.clone();
        medium.record(new Event.Damage(number, offset, copy), () -> put(offset, copy));
    }

    /** fallocate: grows the file if need be, by zeros. */
    public void allocate(long offset, long length) {
        medium.record(new Event.Allocate(number, offset, length), () -> size = Math.max(size, offset + length));
    }

    public void truncate(long length) {
        medium.record(new Event.Truncate(number, length), () -> {
            pages.cut(length, size);
            size = length;
        });
    }

    /** Fills part of an array; false, and nothing happens, if the file ends before that. */
    public boolean read(long offset, byte[] into, int from, int length) {
        synchronized (medium) {
            if (offset + length > size) {
                return false;
            }
            pages.read(offset, into, from, length);
            return true;
        }
    }

    /** Bytes of the file, which must reach so far. */
    public byte[] read(long offset, int length) {
        byte[] bytes = new byte[length];
        if (!read(offset, bytes, 0, length)) {
            throw new IllegalArgumentException(
                    length + " bytes at " + offset + " of " + path + ", which has " + size());
        }
        return bytes;
    }

    /** Is given the pages that may hold anything but zeros, in order. */
    @FunctionalInterface
    public interface PageConsumer {
        /** @param bytes the consumer's own, a page of them; zeros behind the file's end */
        void accept(long offset, byte[] bytes);
    }

    /** Goes through the pages of the file that may hold anything but zeros. */
    public void forEachPage(PageConsumer consumer) {
        SortedMap<Long, byte[]> copies;
        synchronized (medium) {
            // what was cut off is kept as zeros
            copies = pages.copy().headMap((size + Page.SIZE - 1) / Page.SIZE);
        }
        copies.forEach((number, bytes) -> consumer.accept(number * Page.SIZE, bytes));
    }
}
