// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import org.osgi.annotation.versioning.ProviderType;

/**
 * Files, for stores: thin over the system calls. Whoever opens a file owns its descriptor and closes it. For any number of
 * threads, as long as none uses a descriptor that another closes.
 *
 * <p>Results are 0 or what the call says; a failure is a negative errno, because stores choose by it what to do and say.
 */
@ProviderType
public interface FileCalls {
    /** What a medium does with a block that is written again; {@code enum vellum_medium}. */
    enum Medium {
        UNKNOWN,
        /** It stays where it is: what has a written block needs no room again. */
        OVERWRITES,
        /** It goes to a new place, and needs room each time. */
        COPIES
    }

    /** @return a descriptor */
    int open(String path, boolean create, boolean exclusive);

    /** @return a descriptor that only reads */
    int openToRead(String path);

    /** An empty file in memory, which is gone with its last descriptor and mapping. @return a descriptor */
    int inMemory(String name);

    /** @return another descriptor of the same description */
    int duplicate(int file);

    int close(int file);

    /** @return bytes */
    long size(int file);

    int write(int file, long data, long length, long offset);

    /** ENODATA, negative: the file ends before the range does. */
    int read(int file, long data, long length, long offset);

    int fdatasync(int file);

    int fsyncDirectory(String path);

    int allocate(int file, long offset, long length);

    int truncate(int file, long length);

    Medium medium(int file);

    /**
     * Gives every byte of a range a written block of the file's own.
     *
     * @param fresh nothing can be cached but zeros, and the caller syncs; else what was written is durable on return
     * @return how many bytes had none
     */
    long makeReal(int file, long offset, long length, boolean fresh);

    /** @return 0: the path is the open file's; ESTALE, negative: another file's; another errno, negative: nobody's */
    int isNamed(int file, String path);

    /** @return 1: everybody could read or write the file, and now only its owner; 0: not everybody */
    int closeToOthers(int file);

    /** For the description. EAGAIN, negative: another one holds it. */
    int lock(int file);

    /** As {@link #lock}, beside others that are shared. */
    int lockShared(int file);

    int unlock(int file);

    /** @return bytes for an ordinary user */
    long freeSpace(String directory);

    /** A private, writable view; {@link MemoryCalls#unmap} ends it. @return the address */
    long mapPrivate(int file, long offset, long length);

    /**
     * A shared, writable view; {@link MemoryCalls#unmap} ends it.
     *
     * @param synchronous with MAP_SYNC; EOPNOTSUPP, negative, where the file is not on DAX
     * @return the address
     */
    long mapShared(int file, long offset, long length, boolean synchronous);
}
