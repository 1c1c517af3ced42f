// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.TreeMap;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.NativeMemory;

/** The changed lines of an epoch, as the cut hands them to a store: entries behind a header that the store completes. */
final class Changes {
    /** As in {@code native/include/vellum/batch.h}. */
    private static final int HEADER = 64;

    private static final int COUNT_AT = 56;
    private static final int ENTRY = 16;

    private final TreeMap<Integer, TreeMap<Integer, byte[]>> pages = new TreeMap<>();

    Changes line(int page, int line, int value) {
        byte[] content = new byte[NativeCore.LINE_SIZE];
        Arrays.fill(content, (byte) value);
        pages.computeIfAbsent(page, p -> new TreeMap<>()).put(line, content);
        return this;
    }

    Changes page(int page, int value) {
        for (int line = 0; line < NativeCore.PAGE_SIZE / NativeCore.LINE_SIZE; line++) {
            line(page, line, value);
        }
        return this;
    }

    /** So many lines, on the first pages. */
    static Changes random(Random random, int lines, int pages) {
        Changes changes = new Changes();
        for (int i = 0; i < lines; i++) {
            changes.line(random.nextInt(pages), random.nextInt(64), 1 + random.nextInt(255));
        }
        return changes;
    }

    /** These and later ones: what a carried batch is. */
    Changes and(Changes later) {
        Changes all = new Changes();
        for (Changes part : new Changes[] {this, later}) {
            part.pages.forEach((page, lines) ->
                    all.pages.computeIfAbsent(page, p -> new TreeMap<>()).putAll(lines));
        }
        return all;
    }

    int length() {
        return HEADER
                + pages.values().stream()
                        .mapToInt(lines -> ENTRY + lines.size() * NativeCore.LINE_SIZE)
                        .sum();
    }

    /** With room behind it for the store's padding. */
    NativeMemory batch(NativeCore core) {
        NativeMemory memory = new NativeMemory(core, length() + 64L);
        ByteBuffer buffer = memory.view(0, (int) memory.length());
        buffer.putInt(COUNT_AT, pages.size());
        buffer.position(HEADER);
        pages.forEach((page, lines) -> {
            long mask = 0;
            for (int line : lines.keySet()) {
                mask |= 1L << line;
            }
            buffer.putLong(page).putLong(mask);
            lines.values().forEach(buffer::put);
        });
        return memory;
    }

    byte[] appliedTo(byte[] region) {
        byte[] result = region.clone();
        pages.forEach((page, lines) -> lines.forEach((line, content) -> System.arraycopy(
                content, 0, result, page * NativeCore.PAGE_SIZE + line * NativeCore.LINE_SIZE, content.length)));
        return result;
    }
}
