// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import org.osgi.annotation.versioning.ProviderType;

/**
 * One way to make memory durable; mirrors {@code struct vellum_persistence}, which has the contract. For any number of
 * threads. Addresses are of memory that is mapped and writable: nothing checks them.
 */
@ProviderType
public interface Persistence {
    /** {@code clwb}, {@code clflushopt}, {@code clflush}, {@code none} or {@code recorder}. */
    String name();

    /** Address of the structure, for the native core. */
    long address();

    /** Copies past the caches, any length and alignment; durable after a fence. */
    void store(long destination, long source, long length);

    /** The same from an array. */
    void store(long destination, byte[] source, int from, int length);

    /** An ordinary store of an aligned word of 8 bytes; to be written back. */
    void storeWord(long destination, long value);

    /** Begins to write back the lines that the range touches; durable after a fence. */
    void writeBack(long start, long length, int point);

    /** What this thread stored or wrote back before is durable when it returns. */
    void fence(int point);
}
