// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.nio.ByteBuffer;
import java.util.List;

/** Compares a region with what it must be, word by word, so that a store that went astray is found wherever it is. */
final class Words {
    private Words() {}

    /**
     * @param expected each word of the image
     * @param most how many differences to name; more are counted in one sentence
     * @param found takes the sentences
     */
    static void compare(ByteBuffer image, long[] expected, int most, List<String> found) {
        int differences = 0;
        for (int i = 0; i < expected.length; i++) {
            long word = image.getLong(i * Long.BYTES);
            if (word != expected[i] && ++differences <= most) {
                found.add("the word at offset " + (long) i * Long.BYTES + " (page " + i * Long.BYTES / 4096
                        + ") is wrong: expected " + expected[i] + ", found " + word);
            }
        }
        if (differences > most) {
            found.add((differences - most) + " more words are wrong");
        }
    }
}
