// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.PageChecksums;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.StoreFile;

/**
 * Writes pages of a home image together with their checksums. A page and its entry in the table come from one copy of
 * the page, so they agree even while the memory they come from is changing. One thread at a time.
 */
public final class PageWriter implements AutoCloseable {
    /** Adjacent pages written with one call. */
    private static final int RUN_PAGES = 256;

    private final NativeCore core;
    private final StoreFile file;
    private final ImageIdentity identity;
    /** Room for a run of pages and, behind it, their table entries. */
    private final NativeMemory staging;

    public PageWriter(NativeCore core, StoreFile file, ImageIdentity identity) {
        this.core = core;
        this.file = file;
        this.identity = identity;
        staging = new NativeMemory(core, RUN_PAGES * (NativeCore.PAGE_SIZE + (long) PageChecksums.ENTRY_SIZE));
    }

    /**
     * Writes pages that follow each other. Not synced.
     *
     * @param address of the first one's content
     */
    public void write(long firstPage, long count, long address) throws FileFailure {
        for (long done = 0; done < count; done += RUN_PAGES) {
            writeRun(firstPage + done, (int) Math.min(RUN_PAGES, count - done), address + done * NativeCore.PAGE_SIZE);
        }
    }

    private void writeRun(long firstPage, int count, long address) throws FileFailure {
        int length = count * NativeCore.PAGE_SIZE;
        long entriesAt = (long) RUN_PAGES * NativeCore.PAGE_SIZE;
        ByteBuffer copy = staging.view(0, length);
        copy.put(core.memory().view(address, length));
        ByteBuffer entries =
                staging.view(entriesAt, RUN_PAGES * PageChecksums.ENTRY_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            ByteBuffer page = copy.slice(i * NativeCore.PAGE_SIZE, NativeCore.PAGE_SIZE);
            entries.putInt(i * PageChecksums.ENTRY_SIZE, PageChecksums.entry(page));
        }
        file.write(staging.address(), length, identity.homeOffset() + firstPage * NativeCore.PAGE_SIZE);
        file.write(
                staging.address() + entriesAt,
                (long) count * PageChecksums.ENTRY_SIZE,
                PageChecksums.offset(identity, firstPage));
    }

    @Override
    public void close() {
        staging.close();
    }
}
