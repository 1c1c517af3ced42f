// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.PageChecksums;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.StoreFile;

/**
 * Compares the pages of a home image with their checksums, piece by piece: the image may be larger than memory. Read by
 * calls, not through a mapping: a bad block must come as an error, not as a signal.
 */
public final class PageCheck {
    private static final int PIECE_PAGES = 256;

    private final NativeCore core;
    private final StoreFile file;
    private final ImageIdentity identity;

    public PageCheck(NativeCore core, StoreFile file, ImageIdentity identity) {
        this.core = core;
        this.file = file;
        this.identity = identity;
    }

    /**
     * The pages that do not fit their checksums, or cannot be read, in order.
     *
     * @param except pages of which the checksums do not speak now
     */
    public List<Long> run(PageSet except) throws FileFailure {
        List<Long> damaged = new ArrayList<>();
        try (NativeMemory pages = new NativeMemory(core, (long) PIECE_PAGES * NativeCore.PAGE_SIZE);
                NativeMemory entries = new NativeMemory(core, (long) PIECE_PAGES * PageChecksums.ENTRY_SIZE)) {
            for (long first = 0; first < identity.pages(); first += PIECE_PAGES) {
                int count = (int) Math.min(PIECE_PAGES, identity.pages() - first);
                file.read(
                        entries.address(),
                        (long) count * PageChecksums.ENTRY_SIZE,
                        PageChecksums.offset(identity, first));
                boolean readable = isReadable(pages, first, count);
                for (int i = 0; i < count; i++) {
                    if (!except.contains(first + i)
                            && !((readable || isReadable(pages, first + i, 1))
                                    && fits(pages, readable ? i : 0, entries, i))) {
                        damaged.add(first + i);
                    }
                }
            }
        }
        return damaged;
    }

    /**
     * The first page of a few, up to {@link #PIECE_PAGES}, that does not fit its checksum or cannot be read; -1: all
     * do.
     *
     * @param pages room for so many pages, and behind them for their entries
     */
    long firstDamaged(long first, int count, NativeMemory pages) throws FileFailure {
        long entriesAt = (long) count * NativeCore.PAGE_SIZE;
        file.read(
                pages.address() + entriesAt,
                (long) count * PageChecksums.ENTRY_SIZE,
                PageChecksums.offset(identity, first));
        ByteBuffer entries = pages.view(entriesAt, count * PageChecksums.ENTRY_SIZE);
        if (!isReadable(pages, first, count)) {
            return count == 1 ? first : firstDamagedOneByOne(first, count, pages);
        }
        for (int i = 0; i < count; i++) {
            ByteBuffer content = pages.view((long) i * NativeCore.PAGE_SIZE, NativeCore.PAGE_SIZE);
            if (!PageChecksums.fits(entries.getInt(i * PageChecksums.ENTRY_SIZE), content)) {
                return first + i;
            }
        }
        return -1;
    }

    private long firstDamagedOneByOne(long first, int count, NativeMemory pages) throws FileFailure {
        for (int i = 0; i < count; i++) {
            if (firstDamaged(first + i, 1, pages) >= 0) {
                return first + i;
            }
        }
        return -1;
    }

    /** Whether a page can be read and fits its checksum. */
    public boolean fits(long page) throws FileFailure {
        try (NativeMemory content = new NativeMemory(core, NativeCore.PAGE_SIZE);
                NativeMemory entry = new NativeMemory(core, PageChecksums.ENTRY_SIZE)) {
            file.read(entry.address(), PageChecksums.ENTRY_SIZE, PageChecksums.offset(identity, page));
            return isReadable(content, page, 1) && fits(content, 0, entry, 0);
        }
    }

    /** Reads pages to the beginning of {@code pages}; false where the medium does not give them. */
    private boolean isReadable(NativeMemory pages, long first, int count) {
        try {
            file.read(
                    pages.address(),
                    (long) count * NativeCore.PAGE_SIZE,
                    identity.homeOffset() + first * NativeCore.PAGE_SIZE);
            return true;
        } catch (FileFailure e) {
            return false;
        }
    }

    private static boolean fits(NativeMemory pages, int page, NativeMemory entries, int entry) {
        ByteBuffer content = pages.view((long) page * NativeCore.PAGE_SIZE, NativeCore.PAGE_SIZE);
        int expected = entries.view((long) entry * PageChecksums.ENTRY_SIZE, PageChecksums.ENTRY_SIZE)
                .getInt(0);
        return PageChecksums.fits(expected, content);
    }
}
