// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import org.vellum.nativelib.FileCalls;

/** {@code vellum_file_…} by JNA. */
final class JnaFileCalls implements FileCalls {
    private static final Medium[] MEDIA = Medium.values();

    @Override
    public int open(String path, boolean create, boolean exclusive) {
        return CoreLibrary.vellum_file_open(path, create ? 1 : 0, exclusive ? 1 : 0);
    }

    @Override
    public int openToRead(String path) {
        return CoreLibrary.vellum_file_open_to_read(path);
    }

    @Override
    public int close(int file) {
        return CoreLibrary.vellum_file_close(file);
    }

    @Override
    public long size(int file) {
        return CoreLibrary.vellum_file_size(file);
    }

    @Override
    public int write(int file, long data, long length, long offset) {
        return CoreLibrary.vellum_file_write(file, data, length, offset);
    }

    @Override
    public int read(int file, long data, long length, long offset) {
        return CoreLibrary.vellum_file_read(file, data, length, offset);
    }

    @Override
    public int fdatasync(int file) {
        return CoreLibrary.vellum_file_sync_data(file);
    }

    @Override
    public int fsyncDirectory(String path) {
        return CoreLibrary.vellum_file_sync_directory(path);
    }

    @Override
    public int allocate(int file, long offset, long length) {
        return CoreLibrary.vellum_file_allocate(file, offset, length);
    }

    @Override
    public int truncate(int file, long length) {
        return CoreLibrary.vellum_file_truncate(file, length);
    }

    @Override
    public Medium medium(int file) {
        return MEDIA[CoreLibrary.vellum_file_medium(file)];
    }

    @Override
    public long makeReal(int file, long offset, long length, boolean fresh) {
        return CoreLibrary.vellum_file_make_real(file, offset, length, fresh ? 1 : 0);
    }

    @Override
    public int isNamed(int file, String path) {
        return CoreLibrary.vellum_file_is_named(file, path);
    }

    @Override
    public int closeToOthers(int file) {
        return CoreLibrary.vellum_file_close_to_others(file);
    }

    @Override
    public int lock(int file) {
        return CoreLibrary.vellum_file_lock(file);
    }

    @Override
    public int lockShared(int file) {
        return CoreLibrary.vellum_file_lock_shared(file);
    }

    @Override
    public int unlock(int file) {
        return CoreLibrary.vellum_file_unlock(file);
    }

    @Override
    public int duplicate(int file) {
        return CoreLibrary.vellum_file_duplicate(file);
    }

    @Override
    public long freeSpace(String directory) {
        return CoreLibrary.vellum_file_free_space(directory);
    }

    @Override
    public long mapPrivate(int file, long offset, long length) {
        long[] address = new long[1];
        return NativeResult.valueOr(CoreLibrary.vellum_file_map_private(file, offset, length, address), address);
    }

    @Override
    public long mapShared(int file, long offset, long length, boolean synchronous) {
        long[] address = new long[1];
        return NativeResult.valueOr(
                CoreLibrary.vellum_file_map_shared(file, offset, length, synchronous ? 1 : 0, address), address);
    }

    @Override
    public int inMemory(String name) {
        return CoreLibrary.vellum_file_in_memory(name);
    }
}
