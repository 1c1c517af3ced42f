// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import org.osgi.annotation.versioning.ProviderType;

/**
 * Address ranges for regions. Whoever reserves a range owns it until a region is created in it: closing the region
 * retires the range. For any number of threads.
 */
@ProviderType
public interface AddressRanges {
    /**
     * @param address where, or 0: at a free address, searched from a place derived from {@code seed}
     * @return the reserved address, or a negative errno: EEXIST when something else is mapped at {@code address}
     */
    long reserve(long address, long length, long seed);

    /** Returns a range that no region was created in. Its addresses are not given out again, but to who asks for them. */
    void retire(long address, long length);
}
