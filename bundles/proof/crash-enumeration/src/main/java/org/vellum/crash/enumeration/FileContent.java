// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.HashMap;
import java.util.Map;

/**
 * What one file holds: a size, and the pages that are not all zeros. Immutable, shared between images.
 *
 * @param file the number that events know it by
 * @param pages by page number; none at or behind the end, and zeros behind the end in the last one
 */
record FileContent(int file, MediumKind kind, long size, Map<Long, Page> pages) {
    static final byte[] ZEROS = new byte[Page.SIZE];

    static FileContent empty(int file, MediumKind kind) {
        return new FileContent(file, kind, 0, Map.of());
    }

    static byte[] pageCopy(Map<Long, Page> pages, long number) {
        Page page = pages.get(number);
        return page == null ? new byte[Page.SIZE] : page.bytes.clone();
    }

    /** Copies bytes into pages that may be written to, which are in {@code own}, with what they held before. */
    static void patch(Map<Long, Page> pages, Map<Long, byte[]> own, long offset, byte[] bytes, int from, int length) {
        for (int done = 0; done < length; ) {
            long number = (offset + done) / Page.SIZE;
            int at = (int) ((offset + done) % Page.SIZE);
            int count = Math.min(length - done, Page.SIZE - at);
            byte[] page = own.computeIfAbsent(number, n -> pageCopy(pages, n));
            System.arraycopy(bytes, from + done, page, at, count);
            done += count;
        }
    }

    /** This content with some pages replaced and another size; clips what is behind that. */
    static FileContent of(int file, MediumKind kind, long size, Map<Long, Page> pages, Map<Long, byte[]> replaced) {
        Map<Long, Page> all = new HashMap<>(pages);
        replaced.forEach((number, bytes) -> all.put(number, new Page(bytes)));
        long last = size / Page.SIZE;
        int tail = (int) (size % Page.SIZE);
        all.keySet().removeIf(number -> number > last || (number == last && tail == 0));
        Page cut = tail == 0 ? null : all.get(last);
        if (cut != null) {
            byte[] clipped = cut.bytes.clone();
            System.arraycopy(ZEROS, 0, clipped, tail, Page.SIZE - tail);
            all.put(last, new Page(clipped));
        }
        return new FileContent(file, kind, size, all);
    }

    void read(long offset, byte[] into, int from, int length) {
        for (int done = 0; done < length; ) {
            long number = (offset + done) / Page.SIZE;
            int at = (int) ((offset + done) % Page.SIZE);
            int count = Math.min(length - done, Page.SIZE - at);
            Page page = pages.get(number);
            System.arraycopy(page == null ? ZEROS : page.bytes, page == null ? 0 : at, into, from + done, count);
            done += count;
        }
    }
}
