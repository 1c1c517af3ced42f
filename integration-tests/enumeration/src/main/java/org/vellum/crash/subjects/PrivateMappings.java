// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.vellum.crash.enumeration.MediumFile;
import org.vellum.nativelib.MemoryCalls;
import org.vellum.nativelib.NativeCore;

/**
 * Private mappings of files that the kernel does not know: copies in native memory. To discard one's memory shows the
 * file again, as it is then; what changes in the file later is not seen, so nobody may rely on that.
 */
final class PrivateMappings {
    private record Mapping(MediumFile file, long offset, long length) {}

    private final NativeCore core;
    /** By address. Guarded by itself. */
    private final Map<Long, Mapping> mappings = new HashMap<>();

    PrivateMappings(NativeCore core) {
        this.core = core;
    }

    /** @return the address, or a negative errno */
    long map(MediumFile file, long offset, long length) {
        long address = core.memory().map(length);
        if (address > 0) {
            Mapping mapping = new Mapping(file, offset, length);
            synchronized (mappings) {
                mappings.put(address, mapping);
            }
            fill(address, mapping);
        }
        return address;
    }

    private void fill(long address, Mapping mapping) {
        byte[] bytes = mapping.file.read(mapping.offset, (int) mapping.length);
        core.memory().view(address, bytes.length).put(bytes);
    }

    /** The core with the two calls that concern these mappings as they would be. */
    NativeCore core() {
        MemoryCalls memory = core.memory();
        MemoryCalls filling = new MemoryCalls() {
            @Override
            public long map(long length) {
                return memory.map(length);
            }

            @Override
            public void unmap(long address, long length) {
                synchronized (mappings) {
                    mappings.remove(address);
                }
                memory.unmap(address, length);
            }

            @Override
            public void discard(long address, long length) {
                Mapping mapping;
                synchronized (mappings) {
                    mapping = mappings.get(address);
                }
                if (mapping == null) {
                    memory.discard(address, length);
                } else {
                    fill(address, mapping);
                }
            }

            @Override
            public ByteBuffer view(long address, int length) {
                return memory.view(address, length);
            }
        };
        return new SubstituteCore(core, filling, core.files());
    }
}
