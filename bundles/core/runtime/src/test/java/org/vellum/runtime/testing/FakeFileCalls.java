// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.testing;

import java.util.Map;
import java.util.TreeMap;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.FileCalls;

/**
 * Descriptors of files that are arrays, with the calls that the runtime makes. The others are the stores', and the fake store
 * makes none. Guarded by the core.
 */
final class FakeFileCalls implements FileCalls {
    /** Descriptors that were duplicated and are open. */
    final Map<Integer, Integer> duplicates = new TreeMap<>();

    private final FakeCore core;
    private final Map<Integer, byte[]> files = new TreeMap<>();

    FakeFileCalls(FakeCore core) {
        this.core = core;
    }

    int add(byte[] content) {
        synchronized (core) {
            int file = 3 + files.size();
            files.put(file, content);
            return file;
        }
    }

    @Override
    public int open(String path, boolean create, boolean exclusive) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int openToRead(String path) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int close(int file) {
        synchronized (core) {
            if (duplicates.remove(file) == null) {
                throw new AssertionError("not open: " + file);
            }
            return 0;
        }
    }

    @Override
    public long size(int file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int write(int file, long data, long length, long offset) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int read(int file, long data, long length, long offset) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fdatasync(int file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int fsyncDirectory(String path) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int allocate(int file, long offset, long length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Medium medium(int file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long makeReal(int file, long offset, long length, boolean fresh) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int isNamed(int file, String path) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int closeToOthers(int file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int truncate(int file, long length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int lock(int file) {
        synchronized (core) {
            return core.fails("fileLock") ? -Errno.EAGAIN : 0;
        }
    }

    @Override
    public int lockShared(int file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long freeSpace(String directory) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long mapPrivate(int file, long offset, long length) {
        synchronized (core) {
            if (core.fails("fileMapPrivate")) {
                return -Errno.ENOMEM;
            }
            long address = core.map((int) length);
            core.view(address, (int) length).put(files.get(duplicates.getOrDefault(file, file)));
            return address;
        }
    }

    @Override
    public long mapShared(int file, long offset, long length, boolean synchronous) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int inMemory(String name) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int unlock(int file) {
        synchronized (core) {
            core.calls.add("fileUnlock");
            return 0;
        }
    }

    @Override
    public int duplicate(int file) {
        synchronized (core) {
            if (core.fails("fileDuplicate")) {
                return -Errno.EINVAL;
            }
            int duplicate = 1000 + duplicates.size();
            duplicates.put(duplicate, file);
            return duplicate;
        }
    }
}
