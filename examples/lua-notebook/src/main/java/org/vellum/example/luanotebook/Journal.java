// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.luanotebook;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Lines of text in the order in which they were added. Plain data: bytes and lengths, and no pointer. */
final class Journal {
    private static final int COUNT = 0;
    private static final int END = 8;
    private static final int START = 16;

    private final ByteBuffer memory;

    /** @param memory in native order, all of it the journal's; all zeros is an empty one */
    Journal(ByteBuffer memory) {
        this.memory = memory;
    }

    /** How many lines there are. */
    long count() {
        return memory.getLong(COUNT);
    }

    /** @throws LuaException there is no room; nothing has changed */
    void add(String line) throws LuaException {
        byte[] text = line.getBytes(StandardCharsets.UTF_8);
        int end = Math.max(START, (int) memory.getLong(END));
        if ((long) end + Integer.BYTES + text.length > memory.capacity()) {
            throw new LuaException("the notebook is full: it takes " + memory.capacity() + " bytes of lines");
        }
        memory.putInt(end, text.length);
        memory.put(end + Integer.BYTES, text);
        memory.putLong(END, end + Integer.BYTES + text.length);
        memory.putLong(COUNT, count() + 1);
    }

    List<String> lines() {
        List<String> lines = new ArrayList<>();
        int at = START;
        for (long i = 0; i < count(); i++) {
            byte[] text = new byte[memory.getInt(at)];
            memory.get(at + Integer.BYTES, text);
            lines.add(new String(text, StandardCharsets.UTF_8));
            at += Integer.BYTES + text.length;
        }
        return lines;
    }
}
