// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * One open file, with exactly the calls the store needs. All that the store does to a file goes through here, so a test
 * that stands in for it sees, reorders, fails or cuts short everything that can matter after a crash.
 *
 * <p>Calls are not interruptible, short transfers are continued, and lengths and offsets are in bytes. Usable from any
 * thread.
 */
public interface StoreFile extends AutoCloseable {
    Path path();

    /** The kernel's descriptor; owned by this object. */
    int descriptor();

    long size() throws FileFailure;

    /** Writes memory to the file. After a failure any part of it may have been written. */
    void write(long address, long length, long offset) throws FileFailure;

    /** Fills memory from the file; fails with ENODATA where the file ends early. */
    void read(long address, long length, long offset) throws FileFailure;

    /**
     * Makes everything written so far, and the metadata that reading it needs, durable (fdatasync, where the
     * medium has one). After a failure
     * nothing written since the last success may be taken for durable, not even when a later call succeeds: the kernel
     * forgets which pages it could not write. What matters must be written again first.
     *
     * @param point which of all the calls this is
     */
    void syncData(PersistPoint point) throws FileFailure;

    /** Makes room for a range that reads as zeros, growing the file if need be: blocks that nothing was written to. */
    void allocate(long offset, long length) throws FileFailure;

    /**
     * Gives every byte of a range within the file a block that has been written, with the content it has. Until then a
     * write may find no room (a hole), and may be lost although a sync behind it says otherwise: what a file system
     * keeps of a block's first write is not written again with the block (ext4, tried). Bytes that had one already are
     * not touched.
     *
     * @param fresh the file was made by this process and no sync of it has failed; made durable by the next one. Else
     *     durable when this returns
     * @return how many bytes had none
     */
    default long makeReal(long offset, long length, boolean fresh) throws FileFailure {
        return 0;
    }

    /**
     * Fails unless a path is this very file's name.
     *
     * @param name which {@link #path} need not be: it may have been renamed since it was opened
     */
    default void requireNamed(Path name) throws FileFailure {}

    /** Takes a file that everybody may read or write from all but its owner; whether it was one. */
    default boolean closeToOthers() throws FileFailure {
        return false;
    }

    void truncate(long length) throws FileFailure;

    /** Takes the exclusive lock of this open file description; false when another description holds it. */
    boolean lock() throws FileFailure;

    /** A private writable view of a range; stores to it never reach the file. Given back by NativeCore.memoryUnmap. */
    long mapPrivate(long offset, long length) throws FileFailure;

    /**
     * Address of a shared, writable mapping of the whole file, where the medium is one that the processor addresses:
     * what is stored there is made durable by {@link StoreFiles#persistence}. Valid until the file is resized or
     * closed.
     */
    default OptionalLong mapping() {
        return OptionalLong.empty();
    }

    /** Closes the descriptor, which releases the lock. Idempotent. */
    @Override
    void close();
}
