// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.wordindex;

/**
 * Splits text into words: runs of Unicode letters, lower-cased code point by code point, as UTF-8. A run longer than
 * {@value #LONGEST} bytes is several words.
 */
final class Words {
    /** Bytes; longer ones are no words of any language but encoded data. */
    static final int LONGEST = 256;

    private Words() {}

    /** Takes one word; the array is used again for the next. */
    @FunctionalInterface
    interface Sink {
        void word(byte[] utf8, int length);
    }

    /** Hands every word of {@code text} to {@code sink}, in order. */
    static void split(CharSequence text, Sink sink) {
        byte[] word = new byte[LONGEST];
        int length = 0;
        int end = text.length();
        for (int i = 0; i < end; i++) {
            char unit = text.charAt(i);
            int letter;
            if (unit < 0x80) {
                int lower = unit | 0x20;
                letter = lower >= 'a' && lower <= 'z' ? lower : -1;
            } else if (Character.isHighSurrogate(unit) && i + 1 < end && Character.isLowSurrogate(text.charAt(i + 1))) {
                letter = lowerLetter(Character.toCodePoint(unit, text.charAt(++i)));
            } else {
                letter = lowerLetter(unit);
            }
            if (length > 0 && (letter < 0 || length + 4 > LONGEST)) {
                sink.word(word, length);
                length = 0;
            }
            if (letter >= 0) {
                length = encode(letter, word, length);
            }
        }
        if (length > 0) {
            sink.word(word, length);
        }
    }

    private static int lowerLetter(int codePoint) {
        return Character.isLetter(codePoint) ? Character.toLowerCase(codePoint) : -1;
    }

    private static int encode(int codePoint, byte[] word, int length) {
        int at = length;
        if (codePoint < 0x80) {
            word[at++] = (byte) codePoint;
        } else if (codePoint < 0x800) {
            word[at++] = (byte) (0xc0 | (codePoint >> 6));
            word[at++] = (byte) (0x80 | (codePoint & 0x3f));
        } else if (codePoint < 0x10000) {
            word[at++] = (byte) (0xe0 | (codePoint >> 12));
            word[at++] = (byte) (0x80 | ((codePoint >> 6) & 0x3f));
            word[at++] = (byte) (0x80 | (codePoint & 0x3f));
        } else {
            word[at++] = (byte) (0xf0 | (codePoint >> 18));
            word[at++] = (byte) (0x80 | ((codePoint >> 12) & 0x3f));
            word[at++] = (byte) (0x80 | ((codePoint >> 6) & 0x3f));
            word[at++] = (byte) (0x80 | (codePoint & 0x3f));
        }
        return at;
    }
}
