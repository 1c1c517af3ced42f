// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.vellum.crash.enumeration.Event.StoreKind;
import org.vellum.crash.enumeration.MediumFile;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.nativelib.FileCalls;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativePersistence;
import org.vellum.nativelib.Persistence;
import org.vellum.store.image.medium.MappedFiles;
import org.vellum.store.image.medium.PersistPoint;

/**
 * Persistent memory: the files of a recording medium, mapped. A mapping is native memory that begins as the file; what is
 * stored there by the store's code is stored in the medium too, and recorded.
 */
final class MappedMedium implements Persistence, MappedFiles.Listener {
    private record Mapping(MediumFile file, long address, long length) {}

    private final NativeCore core;
    private final MediumStoreFiles files;
    private final RecordingMedium medium;
    /** By address. Guarded by itself. */
    private final TreeMap<Long, Mapping> mappings = new TreeMap<>();

    MappedMedium(NativeCore core, MediumStoreFiles files, RecordingMedium medium) {
        this.core = core;
        this.files = files;
        this.medium = medium;
    }

    /** What the store works with. */
    MappedFiles mapped() {
        FileCalls mapping = (FileCalls) Proxy.newProxyInstance(
                FileCalls.class.getClassLoader(), new Class<?>[] {FileCalls.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("mapShared")) {
                        return map((int) arguments[0], (long) arguments[1], (long) arguments[2]);
                    }
                    throw new UnsupportedOperationException("mapped files are not expected to call " + method);
                });
        NativeCore mapped = new SubstituteCore(core, core.memory(), mapping);
        return new MappedFiles(files, mapped, this, MappedFiles.Demand.SYNCHRONOUS, this, List.of());
    }

    private long map(int descriptor, long offset, long length) {
        if (offset != 0) {
            throw new IllegalArgumentException("a mapping from offset " + offset + ": all of a file is expected");
        }
        MediumFile file = files.file(descriptor);
        long address = core.memory().map(length);
        if (address < 0) {
            return address;
        }
        file.forEachPage((at, bytes) -> {
            int count = (int) Math.min(bytes.length, length - at);
            core.memory().view(address + at, count).put(bytes, 0, count);
        });
        synchronized (mappings) {
            mappings.put(address, new Mapping(file, address, length));
        }
        return address;
    }

    @Override
    public void mapped(Path path, long address, long length) {
        // known since it was made
    }

    @Override
    public void unmapped(Path path, long address) {
        synchronized (mappings) {
            mappings.remove(address);
        }
    }

    private Mapping mappingOf(long address, long length) {
        synchronized (mappings) {
            Map.Entry<Long, Mapping> entry = mappings.floorEntry(address);
            Mapping mapping = entry == null ? null : entry.getValue();
            if (mapping == null || address + length > mapping.address + mapping.length) {
                throw new IllegalStateException("store of " + length + " bytes at " + address + ": nothing is mapped");
            }
            return mapping;
        }
    }

    @Override
    public String name() {
        return "recorded";
    }

    @Override
    public long address() {
        return 0; // no native code takes part
    }

    @Override
    public void store(long destination, long source, long length) {
        byte[] bytes = new byte[(int) length];
        core.memory().view(source, bytes.length).get(bytes);
        store(destination, bytes, StoreKind.NON_TEMPORAL);
    }

    @Override
    public void store(long destination, byte[] source, int from, int length) {
        store(destination, Arrays.copyOfRange(source, from, from + length), StoreKind.NON_TEMPORAL);
    }

    @Override
    public void storeWord(long destination, long value) {
        byte[] bytes = new byte[Long.BYTES];
        java.nio.ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN).putLong(value);
        store(destination, bytes, StoreKind.CACHED);
    }

    private void store(long destination, byte[] bytes, StoreKind kind) {
        Mapping mapping = mappingOf(destination, bytes.length);
        mapping.file.store(destination - mapping.address, bytes, kind);
        core.memory().view(destination, bytes.length).put(bytes);
    }

    @Override
    public void writeBack(long start, long length, int point) {
        Mapping mapping = mappingOf(start, length);
        mapping.file.writeBack(start - mapping.address, length, name(point));
    }

    @Override
    public void fence(int point) {
        medium.fence(name(point));
    }

    private static String name(int point) {
        return PersistPoint.values()[point - NativePersistence.POINTS_OF_STORES].name();
    }
}
