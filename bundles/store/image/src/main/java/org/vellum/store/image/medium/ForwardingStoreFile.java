// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.nio.file.Path;

/** A file that leaves to another one whatever it does not do itself. Owns that one: closing it closes both. */
public abstract class ForwardingStoreFile implements StoreFile {
    private final StoreFile file;

    protected ForwardingStoreFile(StoreFile file) {
        this.file = file;
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public int descriptor() {
        return file.descriptor();
    }

    @Override
    public long size() throws FileFailure {
        return file.size();
    }

    @Override
    public void write(long address, long length, long offset) throws FileFailure {
        file.write(address, length, offset);
    }

    @Override
    public void read(long address, long length, long offset) throws FileFailure {
        file.read(address, length, offset);
    }

    @Override
    public void syncData(PersistPoint point) throws FileFailure {
        file.syncData(point);
    }

    @Override
    public void allocate(long offset, long length) throws FileFailure {
        file.allocate(offset, length);
    }

    @Override
    public long makeReal(long offset, long length, boolean fresh) throws FileFailure {
        return file.makeReal(offset, length, fresh);
    }

    @Override
    public void requireNamed(Path name) throws FileFailure {
        file.requireNamed(name);
    }

    @Override
    public boolean closeToOthers() throws FileFailure {
        return file.closeToOthers();
    }

    @Override
    public void truncate(long length) throws FileFailure {
        file.truncate(length);
    }

    @Override
    public boolean lock() throws FileFailure {
        return file.lock();
    }

    @Override
    public long mapPrivate(long offset, long length) throws FileFailure {
        return file.mapPrivate(offset, length);
    }

    @Override
    public void close() {
        file.close();
    }
}
