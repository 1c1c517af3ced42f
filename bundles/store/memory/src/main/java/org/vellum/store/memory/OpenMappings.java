// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.memory;

import java.nio.file.Path;
import org.vellum.store.image.medium.MappedFiles;

/** How many files are mapped: none, when no image is open. Safe for use by many threads. */
final class OpenMappings implements MappedFiles.Listener {
    private int count;

    @Override
    public synchronized void mapped(Path path, long address, long length) {
        count++;
    }

    @Override
    public synchronized void unmapped(Path path, long address) {
        count--;
    }

    synchronized boolean none() {
        return count == 0;
    }
}
