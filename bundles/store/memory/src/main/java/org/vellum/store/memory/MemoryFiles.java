// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.memory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/**
 * Files in memory (memfds) under names that are kept here: they outlive those who open and close them, and are gone with
 * this object. Every folder is there. Safe for use by many threads.
 */
final class MemoryFiles implements StoreFiles, AutoCloseable {
    private static final int TRANSFER = 1 << 20;
    private static final Path MEMORY = Path.of("/proc/meminfo");

    private final NativeCore core;
    private final NativeStoreFiles kernel;
    /** The descriptor that keeps each file. */
    private final Map<Path, Integer> files = new HashMap<>();

    MemoryFiles(NativeCore core) {
        this.core = core;
        this.kernel = new NativeStoreFiles(core);
    }

    /** Each open has a description of its own, as with other files: locks exclude each other. */
    @Override
    public synchronized StoreFile open(Path path, boolean create) throws FileFailure {
        Integer kept = files.get(path);
        if (kept == null) {
            if (!create) {
                throw new FileFailure("open " + path + " in memory", Errno.ENOENT);
            }
            kept = make(path);
        }
        int descriptor = core.files().open("/proc/self/fd/" + kept, false, false);
        if (descriptor < 0) {
            throw new FileFailure("open " + path + " in memory", descriptor);
        }
        return kernel.adopt(path, descriptor);
    }

    private int make(Path path) throws FileFailure {
        int descriptor = core.files().inMemory(path.getFileName().toString());
        if (descriptor < 0) {
            throw new FileFailure("create " + path + " in memory", descriptor);
        }
        files.put(path, descriptor);
        return descriptor;
    }

    @Override
    public synchronized boolean exists(Path path) {
        return files.containsKey(path);
    }

    @Override
    public synchronized void rename(Path from, Path to) throws FileFailure {
        Integer moved = files.remove(from);
        if (moved == null) {
            throw new FileFailure("rename " + from + " in memory", Errno.ENOENT);
        }
        Integer replaced = files.put(to, moved);
        if (replaced != null) {
            core.files().close(replaced);
        }
    }

    @Override
    public synchronized void delete(Path path) {
        Integer deleted = files.remove(path);
        if (deleted != null) {
            core.files().close(deleted);
        }
    }

    @Override
    public boolean outliveProcess() {
        return false;
    }

    @Override
    public boolean isDirectory(Path path) {
        return true;
    }

    @Override
    public boolean isWritable(Path directory) {
        return true;
    }

    @Override
    public void createDirectory(Path directory) {
        // every folder is there
    }

    /** Names are not on the medium: they are as durable as this object from the first moment. */
    @Override
    public void syncDirectory(Path directory, PersistPoint point) {
        // nothing to do
    }

    /** What the kernel thinks can be had without swapping. */
    @Override
    public long freeSpace(Path directory) throws FileFailure {
        try {
            for (String line : Files.readAllLines(MEMORY)) {
                String[] words = line.split("\\s+");
                if (words[0].equals("MemAvailable:")) {
                    return Long.parseLong(words[1]) << 10; // KiB
                }
            }
            throw new FileFailure("free memory in " + MEMORY, Errno.ENODATA);
        } catch (FileFailure e) {
            throw e;
        } catch (IOException | NumberFormatException e) {
            FileFailure failure = new FileFailure("free memory in " + MEMORY, Errno.EIO);
            failure.initCause(e);
            throw failure;
        }
    }

    /** The bytes of every file, by name. */
    synchronized Map<Path, byte[]> content() throws FileFailure {
        Map<Path, byte[]> content = new HashMap<>();
        try (NativeMemory memory = new NativeMemory(core, TRANSFER)) {
            for (Path path : files.keySet()) {
                try (StoreFile file = open(path, false)) {
                    content.put(path, read(file, memory));
                }
            }
        }
        return content;
    }

    private static byte[] read(StoreFile file, NativeMemory memory) throws FileFailure {
        byte[] bytes = new byte[Math.toIntExact(file.size())];
        for (int done = 0; done < bytes.length; ) {
            int part = Math.min(TRANSFER, bytes.length - done);
            file.read(memory.address(), part, done);
            memory.view(0, part).get(0, bytes, done, part);
            done += part;
        }
        return bytes;
    }

    /** Replaces all files. Those open now go on with what they have, without a name. */
    synchronized void replace(Map<Path, byte[]> content) throws FileFailure {
        close();
        try (NativeMemory memory = new NativeMemory(core, TRANSFER)) {
            for (Map.Entry<Path, byte[]> entry : content.entrySet()) {
                try (StoreFile file = open(entry.getKey(), true)) {
                    write(file, entry.getValue(), memory);
                }
            }
        }
    }

    private static void write(StoreFile file, byte[] bytes, NativeMemory memory) throws FileFailure {
        file.truncate(bytes.length);
        for (int done = 0; done < bytes.length; ) {
            int part = Math.min(TRANSFER, bytes.length - done);
            memory.view(0, part).put(0, bytes, done, part);
            file.write(memory.address(), part, done);
            done += part;
        }
    }

    /** Forgets every file. */
    @Override
    public synchronized void close() {
        files.values().forEach(core.files()::close);
        files.clear();
    }
}
