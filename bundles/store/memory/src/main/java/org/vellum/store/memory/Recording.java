// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.memory;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.vellum.nativelib.Recorder;
import org.vellum.store.image.medium.MappedFiles;

/** A recorder that is told of every mapping, and numbers the files. Safe for use by many threads. */
final class Recording implements MappedFiles.Listener {
    private final Recorder recorder;
    private final OpenMappings all;
    private final OpenMappings recorded = new OpenMappings();
    private final Map<Path, Integer> numbers = new HashMap<>();

    /** @param all counts these too */
    Recording(Recorder recorder, OpenMappings all) {
        this.recorder = recorder;
        this.all = all;
    }

    Recorder recorder() {
        return recorder;
    }

    @Override
    public synchronized void mapped(Path path, long address, long length) {
        int number = numbers.computeIfAbsent(path, unknown -> numbers.size() + 1);
        recorder.watch(address, length, number, 0);
        recorded.mapped(path, address, length);
        all.mapped(path, address, length);
    }

    @Override
    public synchronized void unmapped(Path path, long address) {
        recorder.unwatch(address);
        recorded.unmapped(path, address);
        all.unmapped(path, address);
    }

    /** Whether no image that is recorded is open. */
    boolean idle() {
        return recorded.none();
    }

    synchronized Map<Integer, Path> media() {
        Map<Integer, Path> media = new HashMap<>();
        numbers.forEach((path, number) -> media.put(number, path));
        return media;
    }
}
