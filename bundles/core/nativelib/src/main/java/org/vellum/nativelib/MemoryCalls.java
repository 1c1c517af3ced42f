// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import java.nio.ByteBuffer;
import org.osgi.annotation.versioning.ProviderType;

/** Anonymous memory, by addresses that nothing checks. Whoever maps it owns it and unmaps it. For any number of threads. */
@ProviderType
public interface MemoryCalls {
    /** @return the address of zeroed memory, or a negative errno */
    long map(long length);

    /** Unmaps a mapping of {@link #map} or of {@link FileCalls}. */
    void unmap(long address, long length);

    /** Gives the memory behind the range back to the kernel; a mapping of a file shows the file's content again. */
    void discard(long address, long length);

    /** A direct buffer over native memory, in native order; does not own it, and is valid while the memory is mapped. */
    ByteBuffer view(long address, int length);
}
