// SPDX-License-Identifier: Apache-2.0
package org.vellum.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.log.LogSegment;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.StoreFile;

/** Makes a file whose blocks are prepared as those of an image's log, by the code that prepares that. */
final class LogFile {
    private LogFile() {}

    /** @param path of a file that does not exist yet; durable on return */
    static void prepare(NativeCore core, Path path, long size) {
        try (StoreFile file = new NativeStoreFiles(core).open(path, true);
                LogSegment segment = new LogSegment(core, file, 0)) {
            segment.fill(0, size);
        } catch (FileFailure e) {
            throw new UncheckedIOException(new IOException("cannot prepare " + path, e));
        }
    }
}
