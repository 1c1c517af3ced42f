// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.FileCalls;
import org.vellum.nativelib.NativeCore;

/** The real file system, by the native core: ordinary files, durable by fdatasync. */
public final class NativeStoreFiles implements StoreFiles {
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");

    private final FileCalls calls;
    private final boolean readOnly;

    public NativeStoreFiles(NativeCore core) {
        this(core.files(), false);
    }

    private NativeStoreFiles(FileCalls calls, boolean readOnly) {
        this.calls = calls;
        this.readOnly = readOnly;
    }

    /** Files that are opened to be read, whatever permissions there are beyond that; their locks are shared. */
    public static NativeStoreFiles readOnly(NativeCore core) {
        return new NativeStoreFiles(core.files(), true);
    }

    @Override
    public StoreFile open(Path path, boolean create) throws FileFailure {
        int descriptor =
                readOnly && !create ? calls.openToRead(path.toString()) : calls.open(path.toString(), create, false);
        if (descriptor < 0) {
            throw new FileFailure((create ? "create " : "open ") + path, descriptor);
        }
        return new NativeStoreFile(path, descriptor, true);
    }

    /**
     * A file that is open already; {@code name} is what messages call it, and no name in the file system. Its
     * descriptor is the result's from now on.
     */
    public StoreFile adopt(Path name, int descriptor) {
        return new NativeStoreFile(name, descriptor, false);
    }

    @Override
    public boolean exists(Path path) {
        return Files.exists(path, LinkOption.NOFOLLOW_LINKS);
    }

    @Override
    public void rename(Path from, Path to) throws FileFailure {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw failure("rename " + from + " to " + to, e);
        }
    }

    @Override
    public void delete(Path path) throws FileFailure {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            throw failure("delete " + path, e);
        }
    }

    @Override
    public boolean isDirectory(Path path) {
        return Files.isDirectory(path);
    }

    @Override
    public boolean isWritable(Path directory) {
        return Files.isWritable(directory);
    }

    @Override
    public void createDirectory(Path directory) throws FileFailure {
        try {
            Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
            giveToOwner(directory);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(directory)) {
                throw failure("create folder " + directory, e);
            }
        } catch (IOException e) {
            throw failure("create folder " + directory, e);
        }
    }

    /** A umask may have taken something from the owner, too; where there are no permissions, there are none. */
    private static void giveToOwner(Path directory) {
        try {
            Files.setPosixFilePermissions(directory, OWNER_ONLY);
        } catch (IOException e) {
            // whatever the folder refuses is refused by the next call that needs it, with its reason
        }
    }

    @Override
    public void syncDirectory(Path directory, PersistPoint point) throws FileFailure {
        int result = calls.fsyncDirectory(directory.toString());
        if (result != 0) {
            throw new FileFailure("fsync of folder " + directory, result);
        }
    }

    @Override
    public long freeSpace(Path directory) throws FileFailure {
        long bytes = calls.freeSpace(directory.toString());
        if (bytes < 0) {
            throw new FileFailure("free space of " + directory, (int) bytes);
        }
        return bytes;
    }

    /** Java names its reasons by exception type; we want the errno. */
    private static FileFailure failure(String call, IOException exception) {
        int errno;
        if (exception instanceof AccessDeniedException) {
            errno = Errno.EACCES;
        } else if (exception instanceof NoSuchFileException) {
            errno = Errno.ENOENT;
        } else {
            errno = Errno.EIO;
        }
        FileFailure failure = new FileFailure(call, errno);
        failure.initCause(exception);
        return failure;
    }

    private final class NativeStoreFile implements StoreFile {
        private final Path path;
        private final int descriptor;
        /** The path is a name in the file system. */
        private final boolean named;

        private boolean closed;

        NativeStoreFile(Path path, int descriptor, boolean named) {
            this.path = path;
            this.descriptor = descriptor;
            this.named = named;
        }

        private void check(int result, String call) throws FileFailure {
            if (result < 0) {
                throw new FileFailure(call, result);
            }
        }

        @Override
        public Path path() {
            return path;
        }

        @Override
        public int descriptor() {
            return descriptor;
        }

        @Override
        public long size() throws FileFailure {
            long size = calls.size(descriptor);
            if (size < 0) {
                throw new FileFailure("size of " + path, (int) size);
            }
            return size;
        }

        @Override
        public void write(long address, long length, long offset) throws FileFailure {
            int result = calls.write(descriptor, address, length, offset);
            if (result < 0) {
                throw new FileFailure("write of " + length + " bytes at offset " + offset + " of " + path, result);
            }
        }

        @Override
        public void read(long address, long length, long offset) throws FileFailure {
            int result = calls.read(descriptor, address, length, offset);
            if (result < 0) {
                throw new FileFailure("read of " + length + " bytes at offset " + offset + " of " + path, result);
            }
        }

        @Override
        public void syncData(PersistPoint point) throws FileFailure {
            check(calls.fdatasync(descriptor), "fdatasync of " + path);
        }

        @Override
        public void allocate(long offset, long length) throws FileFailure {
            check(
                    calls.allocate(descriptor, offset, length),
                    "allocation of " + length + " bytes at offset " + offset + " of " + path);
        }

        @Override
        public long makeReal(long offset, long length, boolean fresh) throws FileFailure {
            long made = calls.makeReal(descriptor, offset, length, fresh);
            if (made < 0) {
                throw new FileFailure(
                        "writing blocks for all of the " + length + " bytes at offset " + offset + " of " + path
                                + ", which has some without (a sparse file, or one written for the first time)",
                        (int) made);
            }
            return made;
        }

        @Override
        public void requireNamed(Path name) throws FileFailure {
            int result = named ? calls.isNamed(descriptor, name.toString()) : 0;
            if (result == -Errno.ENOENT || result == -Errno.ENOTDIR) {
                throw new FileFailure(
                        "its file " + name + " is not there any more: it, or its folder, was deleted or"
                                + " renamed while the region is open",
                        result);
            }
            if (result == -Errno.ESTALE) {
                throw new FileFailure(
                        "its file " + name + " was replaced by another one while the region is open", result);
            }
            // any other error says nothing about the name: a process that gave up permissions can go on with what it
            // has
        }

        @Override
        public boolean closeToOthers() throws FileFailure {
            int result = calls.closeToOthers(descriptor);
            check(result, "taking the permissions of others from " + path);
            return result == 1;
        }

        @Override
        public void truncate(long length) throws FileFailure {
            check(calls.truncate(descriptor, length), "truncation of " + path + " to " + length + " bytes");
        }

        @Override
        public boolean lock() throws FileFailure {
            int result = readOnly ? calls.lockShared(descriptor) : calls.lock(descriptor);
            if (result == -Errno.EAGAIN || result == -Errno.EACCES) {
                return false;
            }
            check(result, "lock of " + path);
            return true;
        }

        @Override
        public long mapPrivate(long offset, long length) throws FileFailure {
            long address = calls.mapPrivate(descriptor, offset, length);
            if (address < 0) {
                throw new FileFailure(
                        "private mapping of " + length + " bytes at offset " + offset + " of " + path, (int) address);
            }
            return address;
        }

        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                calls.close(descriptor);
            }
        }
    }
}
