// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.application;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * What an application wrote to standard error: the first lines, which say what failed, and the last ones. Safe for use by
 * many threads.
 */
public final class ErrorLines {
    private static final int FIRST = 6;
    private static final int LAST = 14;

    private final List<String> first = new ArrayList<>();
    private final Deque<String> last = new ArrayDeque<>();
    private long left;

    public synchronized void add(String line) {
        if (first.size() < FIRST) {
            first.add(line);
            return;
        }
        last.addLast(line);
        if (last.size() > LAST) {
            last.removeFirst();
            left++;
        }
    }

    /** To be put behind a sentence: a colon and a line each, or nothing. */
    public synchronized String text() {
        List<String> lines = new ArrayList<>(first);
        if (left > 0) {
            lines.add("... " + left + " lines ...");
        }
        lines.addAll(last);
        return lines.isEmpty() ? "" : ":\n  " + String.join("\n  ", lines);
    }
}
