// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Files in memory as a running process sees them, which record what is done to them. The medium that a
 * {@link Subject} works on: a store's own file layer is put on top of it, or the events of a recording made elsewhere
 * are passed on to it.
 *
 * <p>Paths are absolute, with {@code /} between names; the root folder is always there. Safe for use by many threads;
 * calls are recorded in the order in which they take effect.
 */
public final class RecordingMedium {
    /** Steps in before an event takes effect: to fail it by an exception, or to let threads take turns. */
    @FunctionalInterface
    public interface Interceptor {
        /** Called by the thread that does it, without a lock; what it throws, the store's call throws. */
        void before(Event event);
    }

    private final CrashImage began;
    private final Map<String, MediumFile> names = new TreeMap<>();
    private final Set<String> directories = new TreeSet<>();
    private final List<Event> events = new ArrayList<>();
    private final Set<String> points = new HashSet<>();
    private final Map<Thread, Integer> threads = new HashMap<>();
    private int nextFile;
    private boolean ended;
    private volatile Interceptor interceptor = event -> {};

    /** Begins as an image. */
    public RecordingMedium(CrashImage image) {
        began = image;
        directories.addAll(image.directories());
        image.files().forEach((path, content) -> names.put(path, new MediumFile(this, path, content)));
        nextFile = image.nextFile();
    }

    /** At most one at a time; null: none. */
    public void intercept(Interceptor next) {
        interceptor = next == null ? event -> {} : next;
    }

    /** Everything so far, in order. */
    public synchronized List<Event> events() {
        return List.copyOf(events);
    }

    /** What is done from now on is not recorded: the process is dead, though its threads do not know it. */
    public synchronized void end() {
        ended = true;
    }

    /** All that there is now, as if it were durable. */
    public synchronized CrashImage image() {
        MediumState state = new MediumState(began);
        events.forEach(state::apply);
        return state.everything();
    }

    /** The persist points that were reached. */
    synchronized Set<String> points() {
        return Set.copyOf(points);
    }

    /** Records an event and takes its effect, in one. */
    void record(Event event, Runnable effect) {
        interceptor.before(event);
        synchronized (this) {
            if (!ended) {
                events.add(event);
                if (event instanceof Event.Persist persist) {
                    points.add(persist.point());
                }
            }
            effect.run();
        }
    }

    /** The calling thread's number. */
    synchronized int thread() {
        return threads.computeIfAbsent(Thread.currentThread(), unknown -> threads.size() + 1);
    }

    // ---- names ----

    /** Whether a file has this name. */
    public synchronized boolean exists(String path) {
        return names.containsKey(path);
    }

    /** Whether this is a folder. */
    public synchronized boolean isDirectory(String path) {
        return path.equals("/") || directories.contains(path);
    }

    /** The paths of all files, in order. */
    public synchronized List<String> paths() {
        return List.copyOf(names.keySet());
    }

    /** The file of this name, or null. It stays usable when it is renamed or deleted. */
    public synchronized MediumFile open(String path) {
        return names.get(path);
    }

    /** A new, empty file; what had the name loses it. Its folder must be there. */
    public MediumFile create(String path, MediumKind kind) {
        requireFolderOf(path);
        int number;
        synchronized (this) {
            number = nextFile++;
        }
        MediumFile file = new MediumFile(this, path, FileContent.empty(number, kind));
        record(new Event.CreateFile(number, path, kind), () -> names.put(path, file));
        return file;
    }

    /** Atomically replaces what has the name {@code to}. */
    public void rename(String from, String to) {
        requireFolderOf(to);
        if (!exists(from)) {
            throw new IllegalArgumentException("rename of " + from + ": there is no such file");
        }
        record(new Event.Rename(from, to), () -> names.put(to, names.remove(from)));
    }

    /** Removes a name; none there, nothing happens. */
    public void delete(String path) {
        if (exists(path)) {
            record(new Event.Delete(path), () -> names.remove(path));
        }
    }

    /** One new folder in another; one there, nothing happens. */
    public void createDirectory(String path) {
        requireFolderOf(path);
        if (!isDirectory(path)) {
            record(new Event.CreateDirectory(path), () -> directories.add(path));
        }
    }

    /** Makes the names in a folder durable. */
    public void syncDirectory(String path, String point) {
        record(new Event.SyncDirectory(path, point), () -> {});
    }

    private void requireFolderOf(String path) {
        if (!isDirectory(MediumState.parent(path))) {
            throw new IllegalArgumentException(path + ": there is no folder " + MediumState.parent(path));
        }
    }

    // ---- bytes ----

    /** Makes this thread's write-backs and non-temporal stores before it durable. */
    public void fence(String point) {
        record(new Event.Fence(point, thread()), () -> {});
    }

    // ---- what is said to the oracle ----

    /** Before the first byte of an epoch can be durable: from now on a crash may leave it, with this content. */
    public void begun(long epoch, byte[] content) {
        record(new Event.Begun(epoch, content.clone()), () -> {});
    }

    /** The caller was told that the epoch, with the content begun last, is durable. */
    public void acknowledged(long epoch) {
        record(new Event.Acknowledged(epoch), () -> {});
    }

    /** The caller was told that nothing of this epoch will be found by any recovery. */
    public void withdrawn(long epoch) {
        record(new Event.Withdrawn(epoch), () -> {});
    }

    /** A recovery has found this, and the caller may rely on it. */
    public void recovered(long epoch, byte[] content) {
        record(new Event.Recovered(epoch, content.clone()), () -> {});
    }

    /** A remark in reports. */
    public void phase(String name) {
        record(new Event.Phase(name), () -> {});
    }

    /** The pages of a file that is written to: what it began with, and copies of what has changed since. */
    static final class LivePages {
        private final FileContent began;
        private final Map<Long, byte[]> changed = new HashMap<>();

        LivePages(FileContent began) {
            this.began = began;
        }

        void write(long offset, byte[] bytes) {
            FileContent.patch(began.pages(), changed, offset, bytes, 0, bytes.length);
        }

        void read(long offset, byte[] into, int from, int length) {
            for (int done = 0; done < length; ) {
                long number = (offset + done) / Page.SIZE;
                int at = (int) ((offset + done) % Page.SIZE);
                int count = Math.min(length - done, Page.SIZE - at);
                byte[] page = changed.get(number);
                if (page == null) {
                    began.read(offset + done, into, from + done, count);
                } else {
                    System.arraycopy(page, at, into, from + done, count);
                }
                done += count;
            }
        }

        TreeMap<Long, byte[]> copy() {
            TreeMap<Long, byte[]> copies = new TreeMap<>();
            began.pages().forEach((number, page) -> copies.put(number, page.bytes.clone()));
            changed.forEach((number, bytes) -> copies.put(number, bytes.clone()));
            return copies;
        }

        /** Zeros from there to the end of what has ever been written. */
        void cut(long from, long end) {
            for (long number = from / Page.SIZE; number * Page.SIZE < end; number++) {
                if (changed.containsKey(number) || began.pages().containsKey(number)) {
                    long begin = Math.max(from, number * Page.SIZE);
                    write(begin, new byte[(int) ((number + 1) * Page.SIZE - begin)]);
                }
            }
        }
    }
}
