// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.AnnotatedElementContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDirFactory;

/**
 * A folder on a file system in memory, where there is one, for tests that open hundreds of images: what they check does
 * not depend on the device, and a device takes its time for every fdatasync.
 */
public final class InMemoryDirectory implements TempDirFactory {
    private static final Path SHARED_MEMORY = Path.of("/dev/shm");
    private static final long ENOUGH = 256L << 20;

    @Override
    public Path createTempDirectory(AnnotatedElementContext element, ExtensionContext extension) throws IOException {
        return Files.isWritable(SHARED_MEMORY)
                        && Files.getFileStore(SHARED_MEMORY).getUsableSpace() > ENOUGH
                ? Files.createTempDirectory(SHARED_MEMORY, "vellum-test")
                : Files.createTempDirectory("vellum-test");
    }
}
