// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import org.osgi.annotation.versioning.ProviderType;

/**
 * The native core, by subject. What each call does is documented in {@code native/include/vellum/core.h}; the interfaces
 * say who owns what, which threads may call, and how a failure is told. A service.
 *
 * <p>Each subject is one object for the service's life, for any number of threads. After the service is gone none of them
 * may be used: its library is unloaded, and a call is an {@link UnsatisfiedLinkError}.
 *
 * <p>Where callers decide by the errno, it is the result, negative. Elsewhere a refusal is a {@link NativeCallException}.
 */
@ProviderType
public interface NativeCore {
    /** Pages are 4096 bytes: the only size there is on x86-64 for what we do. */
    int PAGE_SIZE = 4096;

    /** Bytes of a line, the unit of a diff. */
    int LINE_SIZE = 64;

    /** The address ranges that regions are mapped into. */
    AddressRanges ranges();

    /** Regions. */
    NativeRegions regions();

    /** What cuts write and stores make durable. */
    Batches batches();

    /** Anonymous memory. */
    MemoryCalls memory();

    /** Files, for stores. */
    FileCalls files();
}
