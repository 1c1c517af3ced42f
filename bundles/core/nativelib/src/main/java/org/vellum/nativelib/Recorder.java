// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib;

import java.util.List;
import org.osgi.annotation.versioning.ProviderType;

/**
 * A persistence that does what another one does and writes down every step; contract in {@code
 * native/include/vellum/recorder.h}. For any number of threads.
 */
@ProviderType
public interface Recorder extends Persistence, AutoCloseable {
    /** Mirrors {@code enum vellum_recorded_kind}, less 1. */
    enum Kind {
        /** Past the caches: durable after a fence of the same thread. */
        STORE,
        /** An ordinary store of 8 bytes: durable after a write-back and a fence. */
        WORD,
        WRITE_BACK,
        FENCE,
        /** An ordinary store, inside one aligned word. */
        APPLICATION_STORE,
        ACKNOWLEDGED
    }

    /**
     * One step, in the order in which all threads' steps were taken.
     *
     * @param point of a write-back or fence, else 0
     * @param medium as told to {@link #watch}; 0 for a fence and an acknowledgement
     * @param thread says which events are of one thread, nothing else
     * @param offset in the medium; the epoch, for an acknowledgement
     * @param length of what was stored or written back
     * @param bytes what was stored; empty for the others
     */
    record Event(Kind kind, int point, int medium, long thread, long offset, long length, byte[] bytes) {}

    /** Memory at {@code start} shows the medium's bytes from {@code offset} on; several ranges may show the same ones. */
    void watch(long start, long length, int medium, long offset);

    void unwatch(long start);

    /** From now on a write-back or fence of this number is neither done nor recorded; 0: all are. */
    void leaveOut(int point);

    /** Stores as an application does, possibly faulting into a region's handler. */
    void applicationStore(long address, byte[] bytes);

    /** Somebody was told that the epoch is durable. */
    void acknowledge(long epoch);

    /**
     * The events since the last call.
     *
     * @throws IllegalStateException the record is incomplete: the buffer was full, or something was stored outside of the
     *     watched ranges. It stays so.
     */
    List<Event> take();

    /** Nobody uses it any more. Idempotent. */
    @Override
    void close();
}
