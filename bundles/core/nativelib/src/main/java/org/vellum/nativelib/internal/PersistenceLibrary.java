// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

/**
 * The direct mapping of {@code libvellum_persistence.so}, in its C names; see {@code native/include/vellum/persistence.h} and
 * {@code recorder.h}. Bound and unbound by {@link JnaNativePersistence}, like {@link CoreLibrary}.
 */
final class PersistenceLibrary {
    private PersistenceLibrary() {}

    static native long vellum_persistence_for_processor(int eadr);

    static native long vellum_persistence_named(String name);

    static native int vellum_persistence_obstacle(String name, byte[] reason, long reasonSize);

    static native String vellum_persist_point_name(int point);

    static native void vellum_persistence_store(long persistence, long destination, long source, long length);

    static native void vellum_persistence_store_word(long persistence, long destination, long value);

    static native void vellum_persistence_write_back(long persistence, long start, long length, int point);

    static native void vellum_persistence_fence(long persistence, int point);

    static native int vellum_recorder_create(long recorded, long buffer, long capacity, long[] recorder);

    static native void vellum_recorder_destroy(long recorder);

    static native long vellum_recorder_persistence(long recorder);

    static native int vellum_recorder_watch(long recorder, long start, long length, int medium, long offset);

    static native int vellum_recorder_unwatch(long recorder, long start);

    static native void vellum_recorder_leave_out(long recorder, int point);

    static native int vellum_recorder_application_store(long recorder, long address, byte[] bytes, long length);

    static native void vellum_recorder_acknowledge(long recorder, long epoch);

    static native long vellum_recorder_take(long recorder, long events);
}
