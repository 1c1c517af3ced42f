// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;
import org.vellum.crash.enumeration.MediumFile;
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
        long address = core.memoryMap(length);
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
        core.view(address, bytes.length).put(bytes);
    }

    /** The core with the two calls that concern these mappings as they would be. */
    NativeCore core() {
        return (NativeCore) Proxy.newProxyInstance(
                NativeCore.class.getClassLoader(), new Class<?>[] {NativeCore.class}, (proxy, method, arguments) -> {
                    Mapping mapping = null;
                    synchronized (mappings) {
                        if (method.getName().equals("memoryDiscard")) {
                            mapping = mappings.get((long) arguments[0]);
                        } else if (method.getName().equals("memoryUnmap")) {
                            mappings.remove((long) arguments[0]);
                        }
                    }
                    if (mapping != null) {
                        fill((long) arguments[0], mapping);
                        return null;
                    }
                    try {
                        return method.invoke(core, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }
}
