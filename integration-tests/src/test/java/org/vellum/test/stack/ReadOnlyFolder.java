// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** A folder nobody can write to: by its permissions, or, since these mean nothing to root, by a read-only mount. */
final class ReadOnlyFolder implements AutoCloseable {
    private final Path path;
    private final Mount mount;
    private final String obstacle;

    private ReadOnlyFolder(Path path, Mount mount, String obstacle) {
        this.path = path;
        this.mount = mount;
        this.obstacle = obstacle;
    }

    static ReadOnlyFolder make(Path path) throws IOException {
        Files.createDirectory(path);
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("r-xr-xr-x"));
        if (!Files.isWritable(path)) {
            return new ReadOnlyFolder(path, null, null);
        }
        String obstacle = Mount.obstacle().orElse(null);
        if (obstacle != null) {
            return new ReadOnlyFolder(path, null, obstacle);
        }
        Mount mount = Mount.mount(path, "size=64k");
        mount.makeReadOnly();
        return new ReadOnlyFolder(path, mount, null);
    }

    boolean refuses() {
        return obstacle == null;
    }

    /** Why it is writable all the same. */
    String obstacle() {
        return obstacle;
    }

    Path path() {
        return path;
    }

    @Override
    public void close() throws IOException {
        if (mount != null) {
            mount.close();
        }
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
