// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.dax;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.vellum.api.provider.StoreFolder;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.FileFailure;

/** Finds out whether files in a folder can be mapped with MAP_SYNC, by doing it. */
final class DaxFolder {
    private static final int CHARACTER_DEVICE = 0020000;
    private static final int FILE_TYPE = 0170000;

    private static final AtomicLong PROBES = new AtomicLong();

    private final NativeCore core;

    DaxFolder(NativeCore core) {
        this.core = core;
    }

    /** Whether it is a device such as {@code /dev/dax0.0}, which holds no files. */
    static boolean isDevice(Path path) {
        try {
            return ((int) Files.getAttribute(path, "unix:mode") & FILE_TYPE) == CHARACTER_DEVICE;
        } catch (IOException e) {
            return false; // nothing is there yet
        }
    }

    /**
     * Whether the file, or where there is none a new one in the nearest folder, is on persistent memory that the processor
     * addresses directly. Leaves nothing behind. The file itself is asked where there is one, because DAX can be a
     * property of each file.
     *
     * @throws FileFailure the file system does not let us find out
     */
    boolean isDax(Path file) throws FileFailure {
        if (Files.exists(file)) {
            int descriptor = open(file, false);
            try {
                return maps(file, descriptor);
            } finally {
                core.files().close(descriptor);
            }
        }
        Path probe = StoreFolder.nearestExisting(file.resolveSibling("."))
                .resolve(".vellum-dax-" + ProcessHandle.current().pid() + "-" + PROBES.incrementAndGet());
        int descriptor = open(probe, true);
        try {
            int result = core.files().allocate(descriptor, 0, NativeCore.PAGE_SIZE);
            if (result != 0) {
                throw new FileFailure("allocation of a page of " + probe, result);
            }
            return maps(probe, descriptor);
        } finally {
            core.files().close(descriptor);
            delete(probe);
        }
    }

    private int open(Path path, boolean create) throws FileFailure {
        int descriptor = core.files().open(path.toString(), create, create);
        if (descriptor < 0) {
            throw new FileFailure((create ? "create " : "open ") + path, descriptor);
        }
        return descriptor;
    }

    private boolean maps(Path path, int descriptor) throws FileFailure {
        long address = core.files().mapShared(descriptor, 0, NativeCore.PAGE_SIZE, true);
        if (address == -Errno.EOPNOTSUPP) {
            return false;
        }
        if (address < 0) {
            throw new FileFailure("synchronous (MAP_SYNC) mapping of " + path, (int) address);
        }
        core.memory().unmap(address, NativeCore.PAGE_SIZE);
        return true;
    }

    private static void delete(Path probe) throws FileFailure {
        try {
            Files.deleteIfExists(probe);
        } catch (IOException e) {
            FileFailure failure = new FileFailure("delete " + probe, Errno.EIO);
            failure.initCause(e);
            throw failure;
        }
    }
}
