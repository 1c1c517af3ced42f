// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.wordindex;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class WordTableTest {
    @Test
    void countsAsAHashMapDoes() {
        Random random = new Random(7);
        WordTable table = new WordTable(memory(1 << 20));
        Map<String, Long> expected = new HashMap<>();
        for (int i = 0; i < 100_000; i++) {
            String word = Integer.toString(random.nextInt(8_000), 36) + "ß".repeat(random.nextInt(3));
            add(table, word);
            expected.merge(word, 1L, Long::sum);
        }

        assertEquals(expected, content(table));
        assertEquals(expected.size(), table.distinctWords());
        assertEquals(100_000, table.occurrences());
        assertEquals(expected.get("5ß"), table.count("5ß"));
        assertEquals(0, table.count("never added"));
    }

    @Test
    void isFoundAgainInTheSameMemory() {
        ByteBuffer memory = memory(1 << 16);
        add(new WordTable(memory), "again");

        WordTable reopened = new WordTable(memory);
        add(reopened, "again");

        assertEquals(Map.of("again", 2L), content(reopened));
    }

    @Test
    void aFullTableRefusesANewWordAndKeepsWhatItHas() {
        WordTable table = new WordTable(memory(8192));
        Map<String, Long> expected = new HashMap<>();
        WordTable.TableFullException full = assertThrows(WordTable.TableFullException.class, () -> {
            for (int i = 0; ; i++) {
                add(table, "word" + i);
                expected.put("word" + i, 1L);
            }
        });

        assertTrue(full.getMessage().contains("8192 bytes is full: it holds " + expected.size()), full.getMessage());
        assertEquals(expected, content(table));
        add(table, "word0");
        assertEquals(2, table.count("word0"));
    }

    @Test
    void aFullArenaRefusesANewWord() {
        WordTable table = new WordTable(memory(8192));
        add(table, "a".repeat(2500));
        assertThrows(WordTable.TableFullException.class, () -> add(table, "b".repeat(2500)));
        assertEquals(1, table.distinctWords());
    }

    @Test
    void memoryThatHoldsSomethingElseIsRefused() {
        ByteBuffer memory = memory(8192);
        memory.putLong(0, 42);
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, () -> new WordTable(memory));
        assertTrue(refused.getMessage().contains("magic 000000000000002a"), refused.getMessage());
    }

    private static ByteBuffer memory(int size) {
        return ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    }

    private static void add(WordTable table, String word) {
        byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
        table.add(bytes, bytes.length);
    }

    private static Map<String, Long> content(WordTable table) {
        Map<String, Long> content = new HashMap<>();
        table.forEach(content::put);
        return content;
    }
}
