// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.vellum.nativelib.Persistence;

/** Files that leave to others whatever they do not do themselves. */
public abstract class ForwardingStoreFiles implements StoreFiles {
    private final StoreFiles files;

    protected ForwardingStoreFiles(StoreFiles files) {
        this.files = files;
    }

    @Override
    public StoreFile open(Path path, boolean create) throws FileFailure {
        return files.open(path, create);
    }

    @Override
    public boolean exists(Path path) {
        return files.exists(path);
    }

    @Override
    public void rename(Path from, Path to) throws FileFailure {
        files.rename(from, to);
    }

    @Override
    public void delete(Path path) throws FileFailure {
        files.delete(path);
    }

    @Override
    public boolean isDirectory(Path path) {
        return files.isDirectory(path);
    }

    @Override
    public boolean isWritable(Path directory) {
        return files.isWritable(directory);
    }

    @Override
    public void createDirectory(Path directory) throws FileFailure {
        files.createDirectory(directory);
    }

    @Override
    public void syncDirectory(Path directory, PersistPoint point) throws FileFailure {
        files.syncDirectory(directory, point);
    }

    @Override
    public long freeSpace(Path directory) throws FileFailure {
        return files.freeSpace(directory);
    }

    @Override
    public Optional<Persistence> persistence() {
        return files.persistence();
    }

    @Override
    public boolean synchronous() {
        return files.synchronous();
    }

    @Override
    public boolean outliveProcess() {
        return files.outliveProcess();
    }

    @Override
    public List<String> remarks() {
        return files.remarks();
    }
}
