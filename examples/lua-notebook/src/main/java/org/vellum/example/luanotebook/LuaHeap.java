// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.luanotebook;

import java.nio.ByteBuffer;

/**
 * The memory of a Lua interpreter: blocks of powers of two, and a list of free ones for each size. Its own bookkeeping is in
 * the same memory, as offsets. Not safe for use by several threads, as Lua is not.
 */
final class LuaHeap implements LuaLibrary.Allocator {
    private static final int SMALLEST = 4;
    private static final int LARGEST = 30;

    private static final int BREAK = 0;
    /** For each power of two the offset of the first free block, whose first word is that of the next; 0: none. */
    private static final int FREE = 8;

    private static final int START = 256;

    private final ByteBuffer memory;
    private final long address;

    /**
     * @param memory in native order, all of it the heap's
     * @param address of its first byte, a multiple of 16
     */
    LuaHeap(ByteBuffer memory, long address) {
        this.memory = memory;
        this.address = address;
    }

    /** Makes it empty: whatever was in it is gone. */
    void clear() {
        for (int offset = BREAK; offset < START; offset += Long.BYTES) {
            memory.putLong(offset, 0);
        }
        memory.putLong(BREAK, START);
    }

    @Override
    public long reallocate(long userData, long block, long oldSize, long newSize) {
        // without a block the old size says what kind of object the new one is for
        int from = block == 0 ? 0 : power(oldSize);
        if (newSize == 0) {
            free(block, from);
            return 0;
        }
        if (newSize > 1L << LARGEST) {
            return 0;
        }
        int to = power(newSize);
        if (from == to) {
            return block;
        }
        long moved = allocate(to);
        if (moved != 0 && block != 0) {
            memory.put((int) (moved - address), memory, (int) (block - address), (int) Math.min(oldSize, newSize));
            free(block, from);
        }
        return moved;
    }

    private static int power(long size) {
        return Math.max(SMALLEST, Long.SIZE - Long.numberOfLeadingZeros(size - 1));
    }

    private static int list(int power) {
        return FREE + (power - SMALLEST) * Long.BYTES;
    }

    private long allocate(int power) {
        long first = memory.getLong(list(power));
        if (first != 0) {
            memory.putLong(list(power), memory.getLong((int) first));
            return address + first;
        }
        long end = memory.getLong(BREAK);
        if (end + (1L << power) > memory.capacity()) {
            return 0;
        }
        memory.putLong(BREAK, end + (1L << power));
        return address + end;
    }

    private void free(long block, int power) {
        if (block != 0) {
            long offset = block - address;
            memory.putLong((int) offset, memory.getLong(list(power)));
            memory.putLong(list(power), offset);
        }
    }
}
