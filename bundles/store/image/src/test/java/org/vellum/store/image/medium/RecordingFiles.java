// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.Sector;

/**
 * A file system that records every call that changes it, in order, and lets a test step in before each. One call at a
 * time: what a hook sees is a state between two calls. Of the log it also knows what the device has for certain: the
 * bytes at the last fdatasync.
 */
public final class RecordingFiles implements StoreFiles {
    public enum Kind {
        CREATE,
        WRITE,
        SYNC_DATA,
        ALLOCATE,
        TRUNCATE,
        RENAME,
        DELETE,
        CREATE_DIRECTORY,
        SYNC_DIRECTORY
    }

    public record Event(Kind kind, String file, long offset, long length) {
        public boolean is(Kind wanted, String suffix) {
            return kind == wanted && file.endsWith(suffix);
        }

        boolean isWriteAt(String suffix, long wantedOffset) {
            return is(Kind.WRITE, suffix) && offset == wantedOffset;
        }

        public boolean isCheckpoint() {
            return isWriteAt(".vellum", Checkpoint.offset(0)) || isWriteAt(".vellum", Checkpoint.offset(1));
        }
    }

    /** Called before the event happens; may throw instead of letting it happen. */
    @FunctionalInterface
    public interface Hook {
        void before(Event event) throws FileFailure;

        /** Called when the first half of a write of more than one sector is in the file. */
        default void halfWritten(Event event) throws FileFailure {}
    }

    private final StoreFiles real = new NativeStoreFiles(Cores.CORE);
    private final List<Event> events = new ArrayList<>();
    /** The segments of the log, by file name, as they were at their last fdatasync. */
    private final Map<String, byte[]> syncedLogs = new HashMap<>();

    private Hook hook = event -> {};
    private long bytesRead;
    private long pretendedFreeSpace = -1;

    public synchronized RecordingFiles hook(Hook newHook) {
        hook = newHook;
        return this;
    }

    public synchronized void noHook() {
        hook = event -> {};
    }

    /** Fails the next matching call only. */
    public void failOnce(Kind kind, String suffix, int errno) {
        hook(new Hook() {
            private boolean done;

            @Override
            public void before(Event event) throws FileFailure {
                if (!done && event.is(kind, suffix)) {
                    done = true;
                    throw new FileFailure(kind + " of " + event.file() + " (injected)", errno);
                }
            }
        });
    }

    public void failAlways(Kind kind, String suffix, int errno) {
        hook(event -> {
            if (event.is(kind, suffix)) {
                throw new FileFailure(kind + " of " + event.file() + " (injected)", errno);
            }
        });
    }

    public synchronized void pretendFreeSpace(long bytes) {
        pretendedFreeSpace = bytes;
    }

    public synchronized List<Event> events() {
        return List.copyOf(events);
    }

    public synchronized void forget() {
        events.clear();
        bytesRead = 0;
    }

    public synchronized long bytesRead() {
        return bytesRead;
    }

    /** As the process before this one left them on the device. */
    public synchronized void inheritSyncedLogs(RecordingFiles from) {
        synchronized (from) {
            syncedLogs.putAll(from.syncedLogs);
        }
    }

    /** What a power cut leaves of a log segment at worst. */
    public synchronized byte[] syncedLog(Path segment) {
        return syncedLogs.getOrDefault(segment.getFileName().toString(), new byte[0]);
    }

    private void event(Kind kind, Path path, long offset, long length) throws FileFailure {
        Event event = new Event(kind, path.toString(), offset, length);
        hook.before(event);
        events.add(event);
    }

    @Override
    public synchronized StoreFile open(Path path, boolean create) throws FileFailure {
        if (create && !real.exists(path)) {
            event(Kind.CREATE, path, 0, 0);
        }
        return new RecordingFile(real.open(path, create));
    }

    @Override
    public synchronized boolean exists(Path path) {
        return real.exists(path);
    }

    @Override
    public synchronized void rename(Path from, Path to) throws FileFailure {
        event(Kind.RENAME, from, 0, 0);
        real.rename(from, to);
    }

    @Override
    public synchronized void delete(Path path) throws FileFailure {
        event(Kind.DELETE, path, 0, 0);
        real.delete(path);
    }

    @Override
    public synchronized boolean isDirectory(Path path) {
        return real.isDirectory(path);
    }

    @Override
    public synchronized boolean isWritable(Path directory) {
        return real.isWritable(directory);
    }

    @Override
    public synchronized void createDirectory(Path directory) throws FileFailure {
        event(Kind.CREATE_DIRECTORY, directory, 0, 0);
        real.createDirectory(directory);
    }

    @Override
    public synchronized void syncDirectory(Path directory, PersistPoint point) throws FileFailure {
        event(Kind.SYNC_DIRECTORY, directory, 0, 0);
        real.syncDirectory(directory, point);
    }

    @Override
    public synchronized long freeSpace(Path directory) throws FileFailure {
        return pretendedFreeSpace >= 0 ? pretendedFreeSpace : real.freeSpace(directory);
    }

    private final class RecordingFile extends ForwardingStoreFile {
        RecordingFile(StoreFile file) {
            super(file);
        }

        @Override
        public void write(long address, long length, long offset) throws FileFailure {
            synchronized (RecordingFiles.this) {
                event(Kind.WRITE, path(), offset, length);
                long half = ((offset + length / 2) & -Sector.SIZE) - offset;
                if (half > 0) {
                    super.write(address, half, offset);
                    hook.halfWritten(new Event(Kind.WRITE, path().toString(), offset, length));
                }
                super.write(address, length, offset);
            }
        }

        @Override
        public void read(long address, long length, long offset) throws FileFailure {
            synchronized (RecordingFiles.this) {
                bytesRead += length;
                super.read(address, length, offset);
            }
        }

        @Override
        public void syncData(PersistPoint point) throws FileFailure {
            synchronized (RecordingFiles.this) {
                event(Kind.SYNC_DATA, path(), 0, 0);
                super.syncData(point);
                if (path().toString().contains("-log")) {
                    try {
                        syncedLogs.put(path().getFileName().toString(), Files.readAllBytes(path()));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            }
        }

        @Override
        public void allocate(long offset, long length) throws FileFailure {
            synchronized (RecordingFiles.this) {
                event(Kind.ALLOCATE, path(), offset, length);
                super.allocate(offset, length);
            }
        }

        @Override
        public void truncate(long length) throws FileFailure {
            synchronized (RecordingFiles.this) {
                event(Kind.TRUNCATE, path(), length, 0);
                super.truncate(length);
            }
        }
    }
}
