// SPDX-License-Identifier: Apache-2.0
package org.vellum.pagetable.host;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.PageTableEntry;
import org.vellum.api.provider.PageTableEntry.Flag;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PagemapTest {
    private static final long PAGE = 4096;
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_PRIVATE_ANONYMOUS_NORESERVE = 0x02 | 0x20 | 0x4000;
    private static final int MADV_NOHUGEPAGE = 15;

    private static final NativeLibrary LIBC = NativeLibrary.getInstance("c");

    @TempDir
    Path folder;

    private final Pagemap pagemap = new Pagemap(Path.of("/proc/self"));

    /** Anonymous memory of this process, of which nothing is present; given back at the end. */
    private static final class Memory implements AutoCloseable {
        private final long length;
        private final Pointer memory;

        Memory(long length) {
            this.length = length;
            Function mmap = LIBC.getFunction("mmap");
            memory = mmap.invokePointer(
                    new Object[] {Pointer.NULL, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_NORESERVE, -1, 0L});
            assertEquals(0, LIBC.getFunction("madvise").invokeInt(new Object[] {memory, length, MADV_NOHUGEPAGE}));
        }

        long address() {
            return Pointer.nativeValue(memory);
        }

        void store(long offset) {
            memory.setByte(offset, (byte) 1);
        }

        @Override
        public void close() {
            assertEquals(0, LIBC.getFunction("munmap").invokeInt(new Object[] {memory, length}));
        }
    }

    private List<Long> offsetsFound(Memory memory, long from, long length) {
        List<Long> found = new ArrayList<>();
        pagemap.walk(memory.address() + from, length, leaf -> found.add(leaf.address() - memory.address()));
        return found;
    }

    @Test
    void aPageIsPresentOnceItWasStoredTo() {
        try (Memory memory = new Memory(4 * PAGE)) {
            assertFalse(pagemap.entry(memory.address() + PAGE).has(Flag.PRESENT));
            memory.store(PAGE + 100);
            PageTableEntry entry = pagemap.entry(memory.address() + PAGE + 7);
            assertEquals(EnumSet.of(Flag.PRESENT, Flag.EXCLUSIVE), entry.flags());
            assertEquals(memory.address() + PAGE, entry.address());
            assertEquals(1, entry.level());
        }
    }

    @Test
    void aWalkFindsExactlyThePagesThatHoldSomethingInTheOrderOfAddresses() {
        long length = 1L << 30;
        try (Memory memory = new Memory(length)) {
            memory.store(length - 1);
            memory.store(0);
            memory.store(100_000 * PAGE);
            assertEquals(List.of(0L, 100_000 * PAGE, length - PAGE), offsetsFound(memory, 0, length));
            assertEquals(List.of(100_000 * PAGE), offsetsFound(memory, 1 * PAGE, length - 2 * PAGE));
            assertEquals(List.of(0L), offsetsFound(memory, 100, 1), "a page that the range begins and ends within");
        }
    }

    @Test
    void aWalkOfAllUserSpaceReadsOnlyWhatIsMappedAndEndsWhenTheVisitorHasEnough() {
        try (Memory memory = new Memory(PAGE)) {
            memory.store(0);
            List<Long> seen = new ArrayList<>();
            pagemap.walk(0, PageTable.ADDRESS_END, leaf -> {
                seen.add(leaf.address());
                return leaf.address() != memory.address();
            });
            assertEquals(memory.address(), seen.get(seen.size() - 1));
        }
    }

    @Test
    void addressesOutsideUserSpaceAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> pagemap.entry(-1));
        assertThrows(IllegalArgumentException.class, () -> pagemap.entry(PageTable.ADDRESS_END));
        assertThrows(IllegalArgumentException.class, () -> pagemap.walk(PAGE, PageTable.ADDRESS_END, leaf -> true));
        assertThrows(IllegalArgumentException.class, () -> pagemap.walk(0, -1, leaf -> true));
    }

    @Test
    void aKernelThatHidesItsTableIsNamed() {
        UncheckedIOException exception =
                assertThrows(UncheckedIOException.class, () -> new Pagemap(folder).entry(PAGE));
        assertTrue(exception.getMessage().contains(folder.resolve("pagemap").toString()), exception.getMessage());
    }

    @Test
    void everyBitOfTheWordIsShown() {
        assertEquals(Set.of(), Pagemap.decode(0, 0).flags());
        assertEquals(Set.of(), Pagemap.decode(0, 1L << 55).flags(), "soft-dirty");
        assertEquals(Set.of(Flag.PROTECTED), Pagemap.decode(0, 1L << 57).flags());
        PageTableEntry shared = Pagemap.decode(0, 1L << 63 | 1L << 61 | 0x1234);
        assertEquals(EnumSet.of(Flag.PRESENT, Flag.FILE), shared.flags());
        assertEquals(0x1234000, shared.target());
        PageTableEntry swapped = Pagemap.decode(0, 1L << 62 | 0x1234);
        assertEquals(Set.of(Flag.SWAPPED), swapped.flags());
        assertEquals(0, swapped.target(), "a swapped page is not in memory");
    }

    /** A file with the words of a whole mapping: what the kernel would have to be brought to show. */
    @Test
    void swappedPagesAreVisitedToo() throws IOException {
        Files.writeString(folder.resolve("maps"), "00001000-00005000 rw-p 00000000 00:00 0 \n");
        try (RandomAccessFile words =
                new RandomAccessFile(folder.resolve("pagemap").toFile(), "rw")) {
            words.setLength(5 * Long.BYTES);
            words.seek(3 * Long.BYTES);
            words.writeLong(Long.reverseBytes(1L << 62));
        }
        List<Long> found = new ArrayList<>();
        new Pagemap(folder).walk(0, PageTable.ADDRESS_END, leaf -> found.add(leaf.address()));
        assertEquals(List.of(0x3000L), found);
    }
}
