// SPDX-License-Identifier: Apache-2.0
package org.vellum.pagetable.host;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PageTableEntry;
import org.vellum.api.provider.PageTableEntry.Flag;

/**
 * What the kernel shows of a process's page table: one word a page in {@code /proc/PID/pagemap} (the kernel's
 * Documentation/admin-guide/mm/pagemap.rst). Safe for use by many threads; opens the file at each call, by a way that an
 * interrupt of the thread does not close.
 */
final class Pagemap {
    private static final int PAGE_SHIFT = 12;
    private static final long PAGE_SIZE = 1L << PAGE_SHIFT;

    private static final long FRAME = (1L << 55) - 1;
    private static final long EXCLUSIVE = 1L << 56;
    private static final long PROTECTED = 1L << 57;
    private static final long FILE = 1L << 61;
    private static final long SWAPPED = 1L << 62;
    private static final long PRESENT = 1L << 63;
    /** The bits that make an entry of one that says nothing, with soft-dirty (bit 55) left out. */
    private static final long ANY = EXCLUSIVE | PROTECTED | FILE | SWAPPED | PRESENT;

    private static final int CHUNK_PAGES = 8192;

    private final Path words;
    private final Path mappings;

    /** @param process the process's folder, such as {@code /proc/self} */
    Pagemap(Path process) {
        words = process.resolve("pagemap");
        mappings = process.resolve("maps");
    }

    /** The entry of the page that holds an address; says nothing of a page that is not mapped. */
    PageTableEntry entry(long address) {
        PageTable.requireInUserSpace(address, 1);
        byte[] word = new byte[Long.BYTES];
        try (RandomAccessFile file = new RandomAccessFile(words.toFile(), "r")) {
            read(file, address, word, word.length);
        } catch (IOException e) {
            throw unreadable(e);
        }
        return decode(address & -PAGE_SIZE, wrap(word).getLong());
    }

    /** As {@link PageTable#walk}: reads the words of what is mapped, and nothing of what lies between. */
    void walk(long address, long length, PageTable.Visitor visitor) {
        PageTable.requireInUserSpace(address, length);
        long end = address + length;
        try (RandomAccessFile file = new RandomAccessFile(words.toFile(), "r")) {
            for (String line : Files.readAllLines(mappings)) {
                String[] bounds = line.substring(0, line.indexOf(' ')).split("-");
                long from = Long.parseUnsignedLong(bounds[0], 16);
                if (from < 0) { // the kernel's own page, in the upper half
                    continue;
                }
                long to = Math.min(Long.parseUnsignedLong(bounds[1], 16), end);
                if (!walkMapping(file, Math.max(from, address & -PAGE_SIZE), to, visitor)) {
                    return;
                }
            }
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    private boolean walkMapping(RandomAccessFile file, long from, long to, PageTable.Visitor visitor)
            throws IOException {
        byte[] chunk = new byte[CHUNK_PAGES * Long.BYTES];
        for (long at = from; at < to; ) {
            int pages = (int) Math.min(CHUNK_PAGES, (to - at + PAGE_SIZE - 1) >> PAGE_SHIFT);
            read(file, at, chunk, pages * Long.BYTES);
            ByteBuffer read = wrap(chunk);
            for (int page = 0; page < pages; page++, at += PAGE_SIZE) {
                long word = read.getLong();
                if ((word & ANY) != 0 && !visitor.visit(decode(at, word))) {
                    return false;
                }
            }
        }
        return true;
    }

    private static void read(RandomAccessFile file, long address, byte[] target, int length) throws IOException {
        file.seek((address >> PAGE_SHIFT) * Long.BYTES);
        file.readFully(target, 0, length);
    }

    private static ByteBuffer wrap(byte[] words) {
        return ByteBuffer.wrap(words).order(ByteOrder.nativeOrder());
    }

    private UncheckedIOException unreadable(IOException e) {
        return new UncheckedIOException(
                words + " and " + mappings + " do not show the page table: " + e.getMessage()
                        + " (a container may hide them)",
                e);
    }

    static PageTableEntry decode(long address, long word) {
        Set<Flag> flags = EnumSet.noneOf(Flag.class);
        boolean present = (word & PRESENT) != 0;
        if (present) {
            flags.add(Flag.PRESENT);
        }
        if ((word & SWAPPED) != 0) {
            flags.add(Flag.SWAPPED);
        }
        if ((word & FILE) != 0) {
            flags.add(Flag.FILE);
        }
        if ((word & EXCLUSIVE) != 0) {
            flags.add(Flag.EXCLUSIVE);
        }
        if ((word & PROTECTED) != 0) {
            flags.add(Flag.PROTECTED);
        }
        // the kernel writes 0 for a process without CAP_SYS_ADMIN; of a swapped page these bits are something else
        long target = present ? (word & FRAME) << PAGE_SHIFT : 0;
        return new PageTableEntry(address, 1, flags, target, word);
    }
}
