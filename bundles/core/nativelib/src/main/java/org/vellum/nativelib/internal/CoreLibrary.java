// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import com.sun.jna.Pointer;
import java.nio.ByteBuffer;

/**
 * The direct mapping of {@code libvellum_core.so}, in its C names; see {@code native/include/vellum/core.h}. Bound and unbound
 * by {@link JnaNativeCore}, because a static initializer cannot be undone when the bundle is updated.
 * A buffer is the memory of a structure of {@code org.vellum.nativelib.layout}, and so are the
 * addresses {@code cut}, {@code commit} and {@code counters}; an array receives one value.
 */
final class CoreLibrary {
    private CoreLibrary() {}

    static native int vellum_core_abi_version();

    static native int vellum_core_use_dispatcher(Pointer dispatcher);

    static native int vellum_range_reserve(long address, long length, long seed, long[] reserved);

    static native void vellum_range_retire(long address, long length);

    static native int vellum_region_create(
            long base, long length, int homeFile, long homeOffset, long committed, long[] region);

    static native int vellum_region_create_in_place(
            long base, long length, int homeFile, long homeOffset, int mapSync, ByteBuffer inPlace, long[] region);

    static native void vellum_region_commit_in_place(long region, long commit);

    static native int vellum_region_attach(
            long region, long vmm, long pagetable, long strategy, byte[] reason, long reasonSize);

    static native int vellum_region_swap(
            long region,
            long vmm,
            long pagetable,
            long strategy,
            ByteBuffer relocation,
            ByteBuffer swap,
            byte[] reason,
            long reasonSize);

    static native int vellum_region_degrade(
            long region, ByteBuffer relocation, ByteBuffer swap, byte[] reason, long reasonSize);

    static native int vellum_region_change_home(long region, int homeFile, long homeOffset, long committed);

    static native void vellum_region_cut(long region, long batch, long cut);

    static native void vellum_region_cut_persisted(long region);

    static native long vellum_region_rollback(long region);

    static native void vellum_region_refuse_stores(long region);

    static native void vellum_region_destroy(long region);

    static native void vellum_region_read_counters(long region, long counters);

    static native long vellum_batch_capacity(long region);

    static native int vellum_batch_apply(long batch, long length, long image, long imageLength);

    static native int vellum_memory_map(long length, long[] address);

    static native void vellum_memory_unmap(long address, long length);

    static native void vellum_memory_discard(long address, long length);

    static native int vellum_file_open(String path, int create, int exclusive);

    static native int vellum_file_open_to_read(String path);

    static native int vellum_file_close(int file);

    static native long vellum_file_size(int file);

    static native int vellum_file_write(int file, long data, long length, long offset);

    static native int vellum_file_read(int file, long data, long length, long offset);

    static native int vellum_file_sync_data(int file);

    static native int vellum_file_sync_directory(String path);

    static native int vellum_file_allocate(int file, long offset, long length);

    static native int vellum_file_truncate(int file, long length);

    static native int vellum_file_medium(int file);

    static native long vellum_file_make_real(int file, long offset, long length, int fresh);

    static native int vellum_file_is_named(int file, String path);

    static native int vellum_file_close_to_others(int file);

    static native int vellum_file_lock(int file);

    static native int vellum_file_lock_shared(int file);

    static native int vellum_file_unlock(int file);

    static native int vellum_file_duplicate(int file);

    static native long vellum_file_free_space(String directory);

    static native int vellum_file_map_private(int file, long offset, long length, long[] address);

    static native int vellum_file_map_shared(int file, long offset, long length, int synchronous, long[] address);

    static native int vellum_file_in_memory(String name);
}
