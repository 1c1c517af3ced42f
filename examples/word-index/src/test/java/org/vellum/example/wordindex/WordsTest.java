// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.wordindex;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;

class WordsTest {
    @Test
    void wordsAreRunsOfLettersInLowerCase() {
        assertEquals(List.of("don", "t", "panic", "b", "c"), words("Don't PANIC, b4c!\n"));
    }

    @Test
    void lettersOfEveryScriptCount() {
        assertEquals(
                List.of("größe", "слово", "日本語", "𐐨bc", "x"),
                words("GRÖSSE".replace("SS", "ß") + " Слово 日本語 𐐀bc\uFFFDx"));
    }

    @Test
    void aLoneSurrogateSeparates() {
        assertEquals(List.of("a", "b", "c"), words("a\uD801b\uDC00c\uD801"));
    }

    @Test
    void aRunWithoutEndIsCut() {
        List<String> words = words("é".repeat(1000));
        assertEquals(1000, words.stream().mapToInt(String::length).sum());
        words.forEach(word -> assertEquals("é".repeat(word.length()), word));
    }

    private static List<String> words(String text) {
        List<String> words = new ArrayList<>();
        Words.split(text, (utf8, length) -> words.add(new String(utf8, 0, length, StandardCharsets.UTF_8)));
        return words;
    }
}
