// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.wordindex;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.function.ObjLongConsumer;

/**
 * A hash table from words to counts in one stretch of memory: open addressing with linear probing, the words' bytes in
 * an arena behind the slots.
 *
 * <pre>
 *  0 magic (8)   8 slots (4)  12 arena end, used (4)  16 distinct words (8)  24 occurrences (8)
 * 64 slot 0: arena offset of the word (4, 0 = empty), hash (4), count (8)
 *    slot 1 …
 *    arena: length (2), UTF-8 bytes; length (2), UTF-8 bytes; …
 * </pre>
 *
 * <p>Nothing here knows of persistence: it stores into its buffer as into any other. Not thread-safe.
 */
public final class WordTable {
    /** Longest word that {@link #add} takes, in bytes. */
    public static final int LONGEST_WORD = 0xffff;

    private static final long MAGIC = 0x564f434142303031L;
    private static final int SLOT_COUNT = 8;
    private static final int ARENA_END = 12;
    private static final int DISTINCT = 16;
    private static final int OCCURRENCES = 24;
    private static final int HEADER_SIZE = 64;
    private static final int SLOT_SIZE = 16;
    private static final int SMALLEST = HEADER_SIZE + 64 * SLOT_SIZE * 2;

    private final ByteBuffer memory;
    private final int slotCount;
    private long bytesStored;

    /**
     * Opens the table in {@code memory}, or makes an empty one if the memory is all zeros. At most 5/8 of the memory
     * are slots, a power of two of them (half, in most sizes); the rest is the arena.
     *
     * @throws IllegalArgumentException too small, or it holds something else
     */
    public WordTable(ByteBuffer memory) {
        this.memory = memory;
        if (memory.capacity() < SMALLEST) {
            throw new IllegalArgumentException(
                    "a word table needs at least " + SMALLEST + " bytes, not " + memory.capacity());
        }
        int fitting = Integer.highestOneBit((int) ((memory.capacity() - HEADER_SIZE) * 5L / 8 / SLOT_SIZE));
        if (memory.getLong(0) == 0) {
            memory.putLong(0, MAGIC);
            memory.putInt(SLOT_COUNT, fitting);
            memory.putInt(ARENA_END, HEADER_SIZE + fitting * SLOT_SIZE);
            bytesStored += SLOT_SIZE;
        } else if (memory.getLong(0) != MAGIC || memory.getInt(SLOT_COUNT) != fitting) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "the memory holds no word table of this size: magic %016x and %d slots instead of %016x and %d",
                    memory.getLong(0),
                    memory.getInt(SLOT_COUNT),
                    MAGIC,
                    fitting));
        }
        slotCount = fitting;
    }

    /**
     * Counts one occurrence of a word.
     *
     * @param word its UTF-8 bytes, from index 0 on
     * @param length 1 to {@link #LONGEST_WORD} of them
     * @throws TableFullException no slot or no room in the arena is left; the table is as before
     */
    public void add(byte[] word, int length) {
        int hash = hash(word, length);
        int slot = slotOf(word, length, hash);
        if (memory.getInt(slot) == 0) {
            insert(slot, word, length, hash);
        }
        memory.putLong(slot + 8, memory.getLong(slot + 8) + 1);
        memory.putLong(OCCURRENCES, memory.getLong(OCCURRENCES) + 1);
        bytesStored += 16;
    }

    private void insert(int slot, byte[] word, int length, int hash) {
        int arenaEnd = memory.getInt(ARENA_END);
        long distinct = memory.getLong(DISTINCT);
        // a table fuller than this probes ever longer, and a full one for ever
        if (distinct >= slotCount - slotCount / 8 || length + 2 > memory.capacity() - arenaEnd) {
            throw new TableFullException("the word table of " + memory.capacity() + " bytes is full: it holds "
                    + distinct + " words in " + slotCount + " slots, and has "
                    + (memory.capacity() - arenaEnd) + " bytes left for the text of more");
        }
        memory.putShort(arenaEnd, (short) length);
        memory.put(arenaEnd + 2, word, 0, length);
        memory.putInt(ARENA_END, arenaEnd + 2 + length);
        memory.putLong(DISTINCT, distinct + 1);
        memory.putInt(slot, arenaEnd);
        memory.putInt(slot + 4, hash);
        bytesStored += 22 + length;
    }

    /** How often a word was counted; 0 for one that is not in the table. */
    public long count(String word) {
        byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
        int slot = slotOf(bytes, bytes.length, hash(bytes, bytes.length));
        return memory.getInt(slot) == 0 ? 0 : memory.getLong(slot + 8);
    }

    /** Shows each word with its count, in no order that means anything. */
    public void forEach(ObjLongConsumer<String> consumer) {
        for (int slot = HEADER_SIZE; slot < HEADER_SIZE + slotCount * SLOT_SIZE; slot += SLOT_SIZE) {
            int start = memory.getInt(slot);
            if (start != 0) {
                byte[] bytes = new byte[length(start)];
                memory.get(start + 2, bytes);
                consumer.accept(new String(bytes, StandardCharsets.UTF_8), memory.getLong(slot + 8));
            }
        }
    }

    public long distinctWords() {
        return memory.getLong(DISTINCT);
    }

    public long occurrences() {
        return memory.getLong(OCCURRENCES);
    }

    /** Bytes that this object has stored into the memory, each store counted; for the demo's figures. */
    public long bytesStored() {
        return bytesStored;
    }

    /** Offset of the slot that holds the word, or of the empty one where it belongs. */
    private int slotOf(byte[] word, int length, int hash) {
        int index = (hash ^ hash >>> 15) & slotCount - 1;
        while (true) {
            int slot = HEADER_SIZE + index * SLOT_SIZE;
            int start = memory.getInt(slot);
            if (start == 0 || (memory.getInt(slot + 4) == hash && holds(start, word, length))) {
                return slot;
            }
            index = index + 1 & slotCount - 1;
        }
    }

    private boolean holds(int start, byte[] word, int length) {
        if (length(start) != length) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if (memory.get(start + 2 + i) != word[i]) {
                return false;
            }
        }
        return true;
    }

    private int length(int start) {
        return memory.getShort(start) & 0xffff;
    }

    /** FNV-1a. */
    private static int hash(byte[] word, int length) {
        int hash = 0x811c9dc5;
        for (int i = 0; i < length; i++) {
            hash = (hash ^ (word[i] & 0xff)) * 0x01000193;
        }
        return hash;
    }

    /** The table has no room for another word. */
    public static final class TableFullException extends RuntimeException {
        private static final long serialVersionUID = 1;

        TableFullException(String message) {
            super(message);
        }
    }
}
