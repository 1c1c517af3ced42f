// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.vellum.nativelib.Errno;
import org.vellum.store.image.format.Sector;

/**
 * A file system in memory that fails the calls it is told to fail, and forgets as a machine does. For each file it
 * knows two contents: the page cache, which every read sees, and the device, which is what a power cut leaves.
 *
 * <pre>
 *   write ──▶ cache, page dirty ──sync──▶ device, page clean
 *                               ──sync fails──▶ page clean all the same, the device as it was (or with some)
 * </pre>
 *
 * <p>So a sync that is only repeated after a failure succeeds and writes nothing, as Linux has it: what was written
 * before is durable only if it is written again. And a page whose first write failed is not durable even then: the
 * cache takes its block for one that has been written, the device never does, and the page is zeros after a power cut
 * (ext4, tried). Only {@link StoreFile#makeReal} of a file whose cache may know such pages ends that. Sizes and names
 * are journalled in order and not forgotten so.
 *
 * <p>Sparse: a page never written takes no memory and reads as zeros.
 *
 * <p>Over 400 lines: it is a whole file system, with its crash, and its parts have no other user.
 */
public final class FaultyFiles implements StoreFiles {
    public static final int PAGE = 4096;

    public enum Kind {
        OPEN,
        CREATE,
        RENAME,
        DELETE,
        CREATE_DIRECTORY,
        SYNC_DIRECTORY,
        FREE_SPACE,
        SIZE,
        WRITE,
        READ,
        SYNC_DATA,
        ALLOCATE,
        MAKE_REAL,
        TRUNCATE,
        LOCK,
        MAP
    }

    /** @param point null but for syncs */
    public record Call(Kind kind, Path path, long offset, long length, PersistPoint point) {
        @Override
        public String toString() {
            return kind + " " + path.getFileName() + (length == 0 ? "" : " " + offset + "+" + length)
                    + (point == null ? "" : " " + point);
        }
    }

    /** Steps in before each call. */
    @FunctionalInterface
    public interface Hook {
        Hook NONE = (index, call) -> 0;

        /** Before a write or a sync gets its number; may wait for other threads' calls. */
        default void turn(Kind kind, Path path) {}

        /**
         * @param index of the call, from 0 on
         * @return the errno that it is to fail with, or 0
         */
        int errnoOf(int index, Call call);
    }

    private static final byte[] ZEROS = new byte[PAGE];

    /** Room for a page on its way to a view; used under the lock of the class. */
    private static final NativeMemory STAGING = new NativeMemory(Cores.CORE, PAGE);

    /** Whether a page of a failed sync reached the device all the same; failed syncs are numbered from 0 on. */
    @FunctionalInterface
    public interface FailedSync {
        FailedSync REACHES_NOTHING = number -> false;

        /** What is to be undone is on the device, and what undoes it is not. */
        FailedSync FIRST_REACHES_ALL = number -> number == 0;

        boolean reachesDevice(int number);
    }

    /** A private mapping: of a file of the kernel's that follows ours, so pages not changed privately do too. */
    private record View(Object owner, int file, long offset, long length) {
        void follow(long page, byte[] content) {
            long at = page * PAGE - offset;
            if (at >= 0 && at + PAGE <= length) {
                synchronized (FaultyFiles.class) {
                    Cores.CORE.memory().view(STAGING.address(), PAGE).put(content);
                    if (Cores.CORE.files().write(file, STAGING.address(), PAGE, at) != 0) {
                        throw new IllegalStateException("a file in memory does not take a page");
                    }
                }
            }
        }
    }

    private static final class Content {
        final Map<Long, byte[]> cache = new TreeMap<>();
        final Map<Long, byte[]> device = new HashMap<>();
        final TreeSet<Long> dirty = new TreeSet<>();
        /** Pages whose blocks have been written, on the device. */
        final Set<Long> real = new HashSet<>();
        /** Pages whose first write failed: what is synced of them goes nowhere. */
        final Set<Long> stuck = new HashSet<>();

        long size;
        long deviceSize;
        Object lock;
        final List<View> views = new ArrayList<>();

        /** Pages are never changed, only replaced, so copies share them. */
        Content copy() {
            Content copy = new Content();
            copy.cache.putAll(cache);
            copy.device.putAll(device);
            copy.dirty.addAll(dirty);
            copy.real.addAll(real);
            copy.stuck.addAll(stuck);
            copy.size = size;
            copy.deviceSize = deviceSize;
            return copy;
        }

        public Content afterPowerCut(Random kept) {
            Content copy = new Content();
            copy.device.putAll(device);
            copy.real.addAll(real);
            copy.deviceSize = deviceSize;
            if (kept != null) {
                for (long page : dirty) {
                    if (stuck.contains(page)) {
                        continue;
                    }
                    byte[] mixture =
                            copy.device.getOrDefault(page, new byte[PAGE]).clone();
                    for (int at = 0; at < PAGE; at += Sector.SIZE) {
                        if (kept.nextBoolean()) {
                            System.arraycopy(cache.get(page), at, mixture, at, Sector.SIZE);
                        }
                    }
                    if (page * PAGE < deviceSize) {
                        copy.device.put(page, mixture);
                    }
                }
            }
            copy.cache.putAll(copy.device);
            copy.size = deviceSize;
            return copy;
        }

        void write(byte[] bytes, long offset) {
            for (int done = 0; done < bytes.length; ) {
                long page = (offset + done) / PAGE;
                int at = (int) ((offset + done) % PAGE);
                int part = Math.min(PAGE - at, bytes.length - done);
                byte[] changed = cache.getOrDefault(page, new byte[PAGE]).clone();
                System.arraycopy(bytes, done, changed, at, part);
                cache.put(page, changed);
                for (View view : views) {
                    view.follow(page, changed);
                }
                dirty.add(page);
                done += part;
            }
            size = Math.max(size, offset + bytes.length);
        }

        byte[] read(long offset, int length) {
            byte[] bytes = new byte[length];
            for (int done = 0; done < length; ) {
                int at = (int) ((offset + done) % PAGE);
                int part = Math.min(PAGE - at, length - done);
                byte[] page = cache.get((offset + done) / PAGE);
                if (page != null) {
                    System.arraycopy(page, at, bytes, done, part);
                }
                done += part;
            }
            return bytes;
        }

        void truncate(long length) {
            for (long page : List.copyOf(cache.keySet())) {
                if (page * PAGE >= length) {
                    cache.remove(page);
                    dirty.remove(page);
                    stuck.remove(page);
                } else if ((page + 1) * PAGE > length) {
                    byte[] cut = cache.get(page).clone();
                    Arrays.fill(cut, (int) (length - page * PAGE), PAGE, (byte) 0);
                    cache.put(page, cut);
                    dirty.add(page);
                }
            }
            size = length;
        }

        void sync() {
            for (long page : dirty) {
                if (!stuck.contains(page)) {
                    device.put(page, cache.get(page));
                    real.add(page);
                }
            }
            dirty.clear();
            device.keySet().removeIf(page -> page * PAGE >= size);
            real.removeIf(page -> page * PAGE >= size);
            deviceSize = size;
        }

        /** How many bytes had no written blocks. */
        long makeReal(long offset, long length, boolean fresh) {
            long made = 0;
            for (long page = offset / PAGE; page * PAGE < offset + length; page++) {
                if (!real.contains(page)) {
                    cache.putIfAbsent(page, ZEROS);
                    dirty.add(page);
                    if (!fresh) {
                        stuck.remove(page);
                    }
                    made += PAGE;
                }
            }
            return made;
        }

        /** The pages are clean in the cache and nowhere else. */
        void failToSync(BooleanSupplier reached) {
            for (long page : dirty) {
                if (reached.getAsBoolean() && page * PAGE < deviceSize) {
                    device.put(page, cache.get(page));
                    real.add(page);
                } else if (!real.contains(page)) {
                    stuck.add(page);
                }
            }
            dirty.clear();
        }
    }

    private final Map<Path, Content> names = new HashMap<>();
    private final Map<Path, Content> deviceNames = new HashMap<>();
    private final Set<Path> folders = new HashSet<>();
    private final Set<Path> deviceFolders = new HashSet<>();
    private final List<Call> calls = new ArrayList<>();
    private volatile Hook hook = Hook.NONE;
    private FailedSync failedSyncs = FailedSync.REACHES_NOTHING;
    private int syncsFailed;
    private boolean dead;

    public FaultyFiles(Path existingFolder) {
        for (Path folder = existingFolder; folder != null; folder = folder.getParent()) {
            folders.add(folder);
            deviceFolders.add(folder);
        }
    }

    private FaultyFiles() {}

    public synchronized FaultyFiles hook(Hook newHook) {
        hook = newHook;
        return this;
    }

    public synchronized FaultyFiles failedSyncs(FailedSync newFailedSyncs) {
        failedSyncs = newFailedSyncs;
        return this;
    }

    public synchronized List<Call> calls() {
        return List.copyOf(calls);
    }

    /** Every call fails from now on, uncounted: its process was killed. */
    public synchronized void kill() {
        dead = true;
    }

    /** The machine as a killed process leaves it. */
    public synchronized FaultyFiles afterKill() {
        return copy(Content::copy, false);
    }

    /** @param kept chooses which sectors not yet synced reached the device by themselves; null: none */
    public synchronized FaultyFiles afterPowerCut(Random kept) {
        return copy(content -> content.afterPowerCut(kept), true);
    }

    private FaultyFiles copy(UnaryOperator<Content> copier, boolean deviceOnly) {
        FaultyFiles copy = new FaultyFiles();
        Map<Content, Content> copies = new IdentityHashMap<>();
        (deviceOnly ? deviceNames : names)
                .forEach((path, content) -> copy.names.put(path, copies.computeIfAbsent(content, copier)));
        deviceNames.forEach((path, content) -> copy.deviceNames.put(path, copies.computeIfAbsent(content, copier)));
        copy.folders.addAll(deviceOnly ? deviceFolders : folders);
        copy.deviceFolders.addAll(deviceFolders);
        return copy;
    }

    /* Direct access, for tests: no calls, never failing; the change is durable. */

    public synchronized byte[] content(Path path, long offset, int length) {
        return names.get(path).read(offset, length);
    }

    public synchronized long length(Path path) {
        return names.get(path).size;
    }

    public synchronized void put(Path path, long offset, byte[] bytes) {
        Content content = names.computeIfAbsent(path, missing -> new Content());
        content.write(bytes, offset);
        content.sync();
        deviceNames.put(path, content);
    }

    /** The file is as a sparse copy of it. */
    public synchronized void forgetBlocks(Path path) {
        Content content = names.get(path);
        content.real.removeIf(page -> Arrays.equals(content.cache.getOrDefault(page, ZEROS), ZEROS));
    }

    public synchronized void resize(Path path, long length) {
        Content content = names.get(path);
        content.truncate(length);
        content.sync();
    }

    public synchronized void remove(Path path) {
        names.remove(path);
        deviceNames.remove(path);
    }

    /** The whole file, as it is in another machine. */
    public synchronized void copyFrom(FaultyFiles other, Path from, Path to) {
        Content content = other.names.get(from).copy();
        names.put(to, content);
        deviceNames.put(to, content);
    }

    /** Whether both have the same files, and each file the same bytes for whoever reads it. */
    public static boolean isSame(FaultyFiles one, FaultyFiles other) {
        if (!one.names.keySet().equals(other.names.keySet())) {
            return false;
        }
        for (Map.Entry<Path, Content> entry : one.names.entrySet()) {
            Content there = other.names.get(entry.getKey());
            Content here = entry.getValue();
            if (here.size != there.size) {
                return false;
            }
            Set<Long> pages = new HashSet<>(here.cache.keySet());
            pages.addAll(there.cache.keySet());
            for (long page : pages) {
                if (!Arrays.equals(here.cache.getOrDefault(page, ZEROS), there.cache.getOrDefault(page, ZEROS))) {
                    return false;
                }
            }
        }
        return true;
    }

    /* The calls. */

    private void call(Call call, String described) throws FileFailure {
        if (dead) {
            throw new FileFailure(described + " (killed)", Errno.EIO);
        }
        int index = calls.size();
        calls.add(call);
        int errno = hook.errnoOf(index, call);
        if (errno != 0) {
            throw new FileFailure(described, errno);
        }
    }

    private void call(Kind kind, Path path, String described) throws FileFailure {
        call(new Call(kind, path, 0, 0, null), described);
    }

    @Override
    public synchronized StoreFile open(Path path, boolean create) throws FileFailure {
        boolean creates = create && !names.containsKey(path);
        call(creates ? Kind.CREATE : Kind.OPEN, path, (create ? "create " : "open ") + path);
        if (!names.containsKey(path)) {
            if (!create || !folders.contains(path.getParent())) {
                throw new FileFailure("open " + path, Errno.ENOENT);
            }
            names.put(path, new Content());
        }
        return new OpenFile(path, names.get(path));
    }

    @Override
    public synchronized boolean exists(Path path) {
        return names.containsKey(path);
    }

    @Override
    public synchronized void rename(Path from, Path to) throws FileFailure {
        call(Kind.RENAME, from, "rename " + from + " to " + to);
        names.put(to, names.remove(from));
    }

    @Override
    public synchronized void delete(Path path) throws FileFailure {
        call(Kind.DELETE, path, "delete " + path);
        names.remove(path);
    }

    @Override
    public synchronized boolean isDirectory(Path path) {
        return folders.contains(path);
    }

    @Override
    public synchronized boolean isWritable(Path directory) {
        return folders.contains(directory);
    }

    @Override
    public synchronized void createDirectory(Path directory) throws FileFailure {
        call(Kind.CREATE_DIRECTORY, directory, "create folder " + directory);
        folders.add(directory);
    }

    @Override
    public synchronized void syncDirectory(Path directory, PersistPoint point) throws FileFailure {
        call(new Call(Kind.SYNC_DIRECTORY, directory, 0, 0, point), "fsync of folder " + directory);
        deviceNames.keySet().removeIf(path -> path.getParent().equals(directory) && !names.containsKey(path));
        names.forEach((path, content) -> {
            if (path.getParent().equals(directory)) {
                deviceNames.put(path, content);
            }
        });
        for (Path folder : folders) {
            if (directory.equals(folder.getParent())) {
                deviceFolders.add(folder);
            }
        }
    }

    @Override
    public synchronized long freeSpace(Path directory) throws FileFailure {
        call(Kind.FREE_SPACE, directory, "free space of " + directory);
        return 1L << 40;
    }

    private final class OpenFile implements StoreFile {
        private final Path path;
        private final Content content;

        OpenFile(Path path, Content content) {
            this.path = path;
            this.content = content;
        }

        private void call(Kind kind, long offset, long length, PersistPoint point, String described)
                throws FileFailure {
            FaultyFiles.this.call(new Call(kind, path, offset, length, point), described);
        }

        @Override
        public Path path() {
            return path;
        }

        @Override
        public int descriptor() {
            return -1;
        }

        @Override
        public long size() throws FileFailure {
            synchronized (FaultyFiles.this) {
                call(Kind.SIZE, 0, 0, null, "size of " + path);
                return content.size;
            }
        }

        /** A failed one has written half of it, by whole sectors. */
        @Override
        public void write(long address, long length, long offset) throws FileFailure {
            hook.turn(Kind.WRITE, path);
            synchronized (FaultyFiles.this) {
                byte[] bytes = new byte[(int) length];
                Cores.CORE.memory().view(address, bytes.length).get(bytes);
                try {
                    call(
                            Kind.WRITE,
                            offset,
                            length,
                            null,
                            "write of " + length + " bytes at offset " + offset + " of " + path);
                } catch (FileFailure e) {
                    long half = ((offset + length / 2) & -Sector.SIZE) - offset;
                    if (half > 0 && !dead) {
                        content.write(Arrays.copyOf(bytes, (int) half), offset);
                    }
                    throw e;
                }
                content.write(bytes, offset);
            }
        }

        @Override
        public void read(long address, long length, long offset) throws FileFailure {
            synchronized (FaultyFiles.this) {
                String described = "read of " + length + " bytes at offset " + offset + " of " + path;
                call(Kind.READ, offset, length, null, described);
                if (offset < 0 || length > content.size - offset) {
                    throw new FileFailure(described, Errno.ENODATA);
                }
                int window = 1 << 20;
                for (long done = 0; done < length; done += window) {
                    int part = (int) Math.min(window, length - done);
                    Cores.CORE.memory().view(address + done, part).put(content.read(offset + done, part));
                }
            }
        }

        @Override
        public void syncData(PersistPoint point) throws FileFailure {
            hook.turn(Kind.SYNC_DATA, path);
            synchronized (FaultyFiles.this) {
                try {
                    call(Kind.SYNC_DATA, 0, 0, point, "fdatasync of " + path);
                } catch (FileFailure e) {
                    if (!dead) {
                        int number = syncsFailed++;
                        content.failToSync(() -> failedSyncs.reachesDevice(number));
                    }
                    throw e;
                }
                content.sync();
            }
        }

        @Override
        public void allocate(long offset, long length) throws FileFailure {
            synchronized (FaultyFiles.this) {
                call(
                        Kind.ALLOCATE,
                        offset,
                        length,
                        null,
                        "allocation of " + length + " bytes at offset " + offset + " of " + path);
                content.size = Math.max(content.size, offset + length);
            }
        }

        @Override
        public long makeReal(long offset, long length, boolean fresh) throws FileFailure {
            synchronized (FaultyFiles.this) {
                call(Kind.MAKE_REAL, offset, length, null, "writing of " + path);
                long made = content.makeReal(offset, length, fresh);
                if (made > 0 && !fresh) {
                    content.sync();
                }
                return made;
            }
        }

        @Override
        public void truncate(long length) throws FileFailure {
            synchronized (FaultyFiles.this) {
                call(Kind.TRUNCATE, length, 0, null, "truncation of " + path + " to " + length + " bytes");
                content.truncate(length);
            }
        }

        @Override
        public boolean lock() throws FileFailure {
            synchronized (FaultyFiles.this) {
                call(Kind.LOCK, 0, 0, null, "lock of " + path);
                if (content.lock == null) {
                    content.lock = this;
                }
                return content.lock == this;
            }
        }

        @Override
        public long mapPrivate(long offset, long length) throws FileFailure {
            synchronized (FaultyFiles.this) {
                String described = "private mapping of " + length + " bytes at offset " + offset + " of " + path;
                call(Kind.MAP, offset, length, null, described);
                int file = Cores.CORE.files().inMemory(path.getFileName().toString());
                int resized = file < 0 ? file : Cores.CORE.files().truncate(file, length);
                long address = resized < 0 ? resized : Cores.CORE.files().mapPrivate(file, 0, length);
                if (address < 0) {
                    if (file >= 0) {
                        Cores.CORE.files().close(file);
                    }
                    throw new FileFailure(described, (int) address);
                }
                View view = new View(this, file, offset, length);
                content.cache.forEach(view::follow);
                content.views.add(view);
                return address;
            }
        }

        @Override
        public void close() {
            synchronized (FaultyFiles.this) {
                for (View view : List.copyOf(content.views)) {
                    if (view.owner == this) {
                        Cores.CORE.files().close(view.file);
                        content.views.remove(view);
                    }
                }
                if (content.lock == this) {
                    content.lock = null;
                }
            }
        }
    }
}
