// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import org.osgi.annotation.versioning.ProviderType;
import org.vellum.api.provider.InPlace;

/**
 * The native core, as plain calls: names, order and results follow {@code native/include/vellum/core.h}, which is the
 * documentation. Addresses and handles are longs; results are 0 or a negative errno unless said otherwise there.
 * A service.
 */
@ProviderType
public interface NativeCore {
    /** Pages are 4096 bytes: the only size there is on x86-64 for what we do. */
    int PAGE_SIZE = 4096;

    /** Bytes of a line, the unit of a diff. */
    int LINE_SIZE = 64;

    /** @return the reserved address, or a negative errno */
    long rangeReserve(long address, long length, long seed);

    void rangeRetire(long address, long length);

    /** @return the region's handle, or a negative errno */
    long regionCreate(long base, long length, int homeFile, long homeOffset, long committed);

    /**
     * @param inPlace what {@link org.vellum.api.provider.StoreImage#beginInPlace} gave
     * @return the region's handle, or a negative errno
     */
    long regionCreateInPlace(long base, long length, InPlace inPlace);

    /** What a commit in place found; mirrors {@code struct vellum_in_place_commit}. */
    record InPlaceCommit(long epoch, long dirtyPages, long gateNanoseconds) {}

    InPlaceCommit regionCommitInPlace(long region);

    /** @return null when attached, else the sentence that says why not */
    String regionAttach(long region, long vmm, long pageTable, long strategy);

    /**
     * What a swap found and cost; mirrors {@code struct vellum_swap}.
     *
     * @param refusal null when the new tuple is in force, else the sentence that says why the old one still is
     */
    record Swap(long carriedPages, long gateNanoseconds, String refusal) {}

    Swap regionSwap(long region, long vmm, long pageTable, long strategy, Relocation relocation);

    /** To no providers at all; never refused without a relocation. */
    Swap regionDegrade(long region, Relocation relocation);

    int regionChangeHome(long region, int homeFile, long homeOffset, long committed);

    /** What a cut found; mirrors {@code struct vellum_cut}. */
    record Cut(long dirtyPages, long changedLines, long batchLength, long gateNanoseconds) {}

    /** @return what the cut found and wrote to {@code batch} */
    Cut regionCut(long region, long batch);

    /** Shows each page of the batch that a cut wrote, by its number; see {@code native/include/vellum/batch.h}. */
    void batchPages(long batch, long length, java.util.function.LongConsumer page);

    void regionCutPersisted(long region);

    /** @return the number of pages put back */
    long regionRollback(long region);

    void regionRefuseStores(long region);

    void regionDestroy(long region);

    /** What {@code vellum_region_read_counters} reads; mirrors {@code struct vellum_region_counters}. */
    record Counters(
            long storeFaults,
            long blocksWarmed,
            long blockSize,
            long strategyBytes,
            long pinnedPages,
            long unexplainedPinnedBytes) {

        /** Nothing is pinned. */
        public Counters(long storeFaults, long blocksWarmed, long blockSize, long strategyBytes) {
            this(storeFaults, blocksWarmed, blockSize, strategyBytes, 0, 0);
        }
    }

    Counters regionCounters(long region);

    long batchCapacity(long region);

    int batchApply(long batch, long length, long image, long imageLength);

    /** @return the address, or a negative errno */
    long memoryMap(long length);

    void memoryUnmap(long address, long length);

    void memoryDiscard(long address, long length);

    /** What a medium does with a block that is written again. */
    enum Medium {
        UNKNOWN,
        /** It stays where it is: what has a written block needs no room again. */
        OVERWRITES,
        /** It goes to a new place, and needs room each time. */
        COPIES
    }

    /** A direct buffer over native memory, in native order; does not own it. */
    java.nio.ByteBuffer view(long address, int length);

    /** @return a descriptor, or a negative errno */
    int fileOpen(String path, boolean create, boolean exclusive);

    /** @return a descriptor that only reads, or a negative errno */
    int fileOpenToRead(String path);

    int fileClose(int file);

    long fileSize(int file);

    int fileWrite(int file, long data, long length, long offset);

    int fileRead(int file, long data, long length, long offset);

    int fileSyncData(int file);

    int fileSyncDirectory(String path);

    int fileAllocate(int file, long offset, long length);

    int fileTruncate(int file, long length);

    /** What the medium of a file does with a block that is written again ({@code enum vellum_medium} in core.h). */
    Medium fileMedium(int file);

    /** As {@code vellum_file_make_real} in core.h. @return how many bytes had no written blocks, or a negative errno */
    long fileMakeReal(int file, long offset, long length, boolean fresh);

    /** @return 0: the path is the open file's; ESTALE, negative: another file's; another errno, negative: nobody's */
    int fileIsNamed(int file, String path);

    /** @return 1: everybody could read or write the file, and now only its owner; 0: not everybody; or a negative errno */
    int fileCloseToOthers(int file);

    int fileLock(int file);

    int fileLockShared(int file);

    int fileUnlock(int file);

    /** @return a descriptor, or a negative errno */
    int fileDuplicate(int file);

    long fileFreeSpace(String directory);

    /** @return the address, or a negative errno */
    long fileMapPrivate(int file, long offset, long length);

    /** @return the address, or a negative errno: EOPNOTSUPP where {@code synchronous} is wanted and the file is not on DAX */
    long fileMapShared(int file, long offset, long length, boolean synchronous);

    /** @return a descriptor, or a negative errno */
    int fileInMemory(String name);
}
