// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.vellum.crash.enumeration.MediumFile;
import org.vellum.crash.enumeration.MediumKind;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/** The store's view of a file system, on a recording medium: as the kernel would do it, in memory. */
final class MediumStoreFiles implements StoreFiles {
    private static final long FREE_SPACE = 1L << 40;

    private final NativeCore core;
    private final RecordingMedium medium;
    private final MediumKind kind;
    private final Faults faults;
    private final PrivateMappings mappings;
    /** The files that are locked, by number. */
    private final Set<Integer> locked = new HashSet<>();

    MediumStoreFiles(
            NativeCore core, RecordingMedium medium, MediumKind kind, Faults faults, PrivateMappings mappings) {
        this.core = core;
        this.medium = medium;
        this.kind = kind;
        this.faults = faults;
        this.mappings = mappings;
    }

    @Override
    public StoreFile open(Path path, boolean create) throws FileFailure {
        MediumFile file = medium.open(path.toString());
        if (file == null) {
            if (!create) {
                throw new FileFailure("open " + path, Errno.ENOENT);
            }
            file = medium.create(path.toString(), kind);
        }
        return new Open(path, file);
    }

    /** The file that a {@link StoreFile#descriptor} stands for. */
    MediumFile file(int descriptor) {
        return medium.paths().stream()
                .map(medium::open)
                .filter(file -> file.number() == descriptor)
                .findFirst()
                .orElseThrow();
    }

    @Override
    public boolean exists(Path path) {
        return medium.exists(path.toString());
    }

    @Override
    public void rename(Path from, Path to) {
        medium.rename(from.toString(), to.toString());
    }

    @Override
    public void delete(Path path) {
        medium.delete(path.toString());
    }

    @Override
    public boolean isDirectory(Path path) {
        return medium.isDirectory(path.toString());
    }

    @Override
    public boolean isWritable(Path directory) {
        return true;
    }

    @Override
    public void createDirectory(Path directory) {
        medium.createDirectory(directory.toString());
    }

    @Override
    public void syncDirectory(Path directory, PersistPoint point) throws FileFailure {
        if (faults.takeSync(point)) {
            throw Faults.failure("fsync of folder " + directory);
        }
        medium.syncDirectory(directory.toString(), point.name());
    }

    @Override
    public long freeSpace(Path directory) {
        return FREE_SPACE;
    }

    private final class Open implements StoreFile {
        private final Path path;
        private final MediumFile file;
        private boolean holdsLock;

        Open(Path path, MediumFile file) {
            this.path = path;
            this.file = file;
        }

        @Override
        public Path path() {
            return path;
        }

        @Override
        public int descriptor() {
            return file.number();
        }

        @Override
        public long size() {
            return file.size();
        }

        @Override
        public void write(long address, long length, long offset) throws FileFailure {
            if (faults.takeWrite(length)) {
                file.write(offset, copy(address, length / 2));
                throw Faults.failure("write of " + length + " bytes to " + path);
            }
            file.write(offset, copy(address, length));
        }

        private byte[] copy(long address, long length) {
            byte[] bytes = new byte[(int) length];
            core.memory().view(address, bytes.length).get(bytes);
            return bytes;
        }

        @Override
        public void read(long address, long length, long offset) throws FileFailure {
            byte[] bytes = new byte[(int) length];
            if (!file.read(offset, bytes, 0, bytes.length)) {
                throw new FileFailure(
                        "read of " + length + " bytes at offset " + offset + " of " + path, Errno.ENODATA);
            }
            core.memory().view(address, bytes.length).put(bytes);
        }

        @Override
        public void syncData(PersistPoint point) throws FileFailure {
            if (faults.takeSync(point)) {
                file.syncDataFailed();
                throw Faults.failure("fdatasync of " + path);
            }
            file.syncData(point.name());
        }

        @Override
        public void allocate(long offset, long length) {
            file.allocate(offset, length);
        }

        @Override
        public void truncate(long length) {
            file.truncate(length);
        }

        @Override
        public boolean lock() {
            synchronized (locked) {
                holdsLock |= locked.add(file.number());
                return holdsLock;
            }
        }

        @Override
        public long mapPrivate(long offset, long length) throws FileFailure {
            long address = mappings.map(file, offset, length);
            if (address < 0) {
                throw new FileFailure("private mapping of " + path, (int) address);
            }
            return address;
        }

        @Override
        public void close() {
            synchronized (locked) {
                if (holdsLock) {
                    locked.remove(file.number());
                    holdsLock = false;
                }
            }
        }
    }
}
