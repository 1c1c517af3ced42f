// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.vellum.crash.enumeration.PendingFile.Piece;

/**
 * What is durable at a moment, and what is on its way; from that, what a crash at this moment may leave.
 *
 * <p>What is on its way is a list of {@link Cell}s, each with versions 0 (nothing of it) to n (all of it). A crash
 * chooses a version for each cell; some choices are clipped, because one cell's version implies something of another's
 * (a rename its file's creation, a size its zeros), so several choices may give one image, and every choice gives a
 * legal one.
 */
final class MediumState {
    /** One name's change: durable before any later change of a name it touches. */
    private record NameChange(Event change, int event, List<String> names) {
        boolean touches(NameChange other) {
            return names.stream().anyMatch(other.names::contains);
        }
    }

    /** Something that a crash may leave in one of several versions. */
    sealed interface Cell {
        /** The number of versions is one more than that of these, the events that lead from one to the next. */
        int[] events();

        String describe();
    }

    private record NameCell(int change, int[] events, String describe) implements Cell {}

    private record SizeCell(PendingFile file, int[] events, String describe) implements Cell {}

    /** A unit, or one atom of it. */
    record DataCell(PendingFile file, List<Piece> pieces, int[] events, String describe) implements Cell {
        /** Offset of the atom behind the last one touched: with the first, where a tear may be. */
        long[] atoms() {
            return pieces.stream()
                    .mapToLong(piece -> piece.atom)
                    .distinct()
                    .sorted()
                    .toArray();
        }
    }

    /** Of one cell only the atoms before the boundary have the version, or only those from it on; the rest has none. */
    record Tear(int cell, long boundary, boolean before) {
        private boolean hides(Piece piece) {
            return before != (piece.atom < boundary);
        }
    }

    private final Map<Integer, PendingFile> files = new TreeMap<>();
    private final Map<String, Integer> names = new TreeMap<>();
    private final Set<String> directories = new TreeSet<>();
    private final List<NameChange> changes = new ArrayList<>();
    private int nextFile;
    private int event;

    /** Everything of the image is durable. */
    MediumState(CrashImage image) {
        directories.addAll(image.directories());
        image.files().forEach((path, content) -> {
            files.put(content.file(), new PendingFile(content));
            names.put(path, content.file());
        });
        nextFile = image.nextFile();
    }

    private MediumState(MediumState from) {
        from.files.forEach((number, file) -> files.put(number, file.copy()));
        names.putAll(from.names);
        directories.addAll(from.directories);
        changes.addAll(from.changes);
        nextFile = from.nextFile;
        event = from.event;
    }

    /** As the next process has it when this one is killed: nothing is durable by that, and nothing is lost. */
    MediumState killed() {
        MediumState killed = new MediumState(this);
        killed.files.values().forEach(PendingFile::abandon);
        return killed;
    }

    /** How many events there were. */
    int events() {
        return event;
    }

    // ---- events ----

    void apply(Event what) {
        event++;
        if (what instanceof Event.Write write) {
            file(write.file()).write(write.offset(), write.bytes(), event, 0);
        } else if (what instanceof Event.Store store) {
            file(store.file())
                    .write(
                            store.offset(),
                            store.bytes(),
                            event,
                            store.kind() == Event.StoreKind.NON_TEMPORAL ? bit(store.thread()) : 0);
        } else if (what instanceof Event.WriteBack range) {
            file(range.file()).writeBack(range.offset(), range.length(), bit(range.thread()));
        } else if (what instanceof Event.Fence fence) {
            files.values().forEach(file -> file.fence(bit(fence.thread())));
        } else if (what instanceof Event.SyncData sync) {
            file(sync.file()).syncData();
        } else if (what instanceof Event.SyncDataFailed sync) {
            file(sync.file()).syncDataFailed();
        } else if (what instanceof Event.Damage damage) {
            file(damage.file()).damage(damage.offset(), damage.bytes());
        } else if (what instanceof Event.CreateFile create) {
            files.put(create.file(), new PendingFile(FileContent.empty(create.file(), create.kind())));
            nextFile = Math.max(nextFile, create.file() + 1);
            change(what, create.path());
        } else if (what instanceof Event.Allocate range) {
            file(range.file()).grow(range.offset() + range.length(), event);
        } else if (what instanceof Event.Truncate truncate) {
            file(truncate.file()).truncate(truncate.length(), event);
        } else if (what instanceof Event.Rename rename) {
            change(what, rename.from(), rename.to());
        } else if (what instanceof Event.Delete delete) {
            change(what, delete.path());
        } else if (what instanceof Event.CreateDirectory create) {
            change(what, create.path());
        } else if (what instanceof Event.SyncDirectory sync) {
            syncDirectory(sync.path());
        }
    }

    private static long bit(int thread) {
        if (thread < 1 || thread >= Long.SIZE) {
            throw new IllegalArgumentException("thread " + thread + ": at most " + (Long.SIZE - 1) + " are told apart");
        }
        return 1L << thread;
    }

    private PendingFile file(int number) {
        PendingFile file = files.get(number);
        if (file == null) {
            throw new IllegalArgumentException(
                    "event " + event + " names file " + number + ", which was never created");
        }
        return file;
    }

    private void change(Event what, String... touched) {
        changes.add(new NameChange(what, event, List.of(touched)));
    }

    private void syncDirectory(String directory) {
        boolean[] durable = new boolean[changes.size()];
        for (int i = changes.size() - 1; i >= 0; i--) {
            List<String> touched = changes.get(i).names();
            // of a rename between folders the one it leads to counts
            durable[i] |= parent(touched.get(touched.size() - 1)).equals(directory);
            for (int earlier = 0; durable[i] && earlier < i; earlier++) {
                durable[earlier] |= changes.get(earlier).touches(changes.get(i));
            }
        }
        List<NameChange> remaining = new ArrayList<>();
        for (int i = 0; i < durable.length; i++) {
            if (durable[i]) {
                applyChange(changes.get(i).change(), names, directories);
            } else {
                remaining.add(changes.get(i));
            }
        }
        changes.clear();
        changes.addAll(remaining);
    }

    private static void applyChange(Event change, Map<String, Integer> names, Set<String> directories) {
        if (change instanceof Event.CreateFile create) {
            names.put(create.path(), create.file());
        } else if (change instanceof Event.Rename rename) {
            Integer moved = names.remove(rename.from());
            if (moved != null) {
                names.put(rename.to(), moved);
            }
        } else if (change instanceof Event.Delete delete) {
            names.remove(delete.path());
        } else if (change instanceof Event.CreateDirectory create) {
            directories.add(create.path());
        }
    }

    static String parent(String path) {
        int slash = path.lastIndexOf('/');
        return slash <= 0 ? "/" : path.substring(0, slash);
    }

    // ---- crashes ----

    /** @param byAtom data cells are atoms, not units */
    List<Cell> cells(boolean byAtom) {
        List<Cell> cells = new ArrayList<>();
        for (int i = 0; i < changes.size(); i++) {
            cells.add(new NameCell(
                    i,
                    new int[] {changes.get(i).event()},
                    changes.get(i).change().toString()));
        }
        for (PendingFile file : files.values()) {
            if (!mayHaveName(file.number)) {
                continue;
            }
            if (!file.sizes.isEmpty()) {
                int[] events =
                        file.sizes.stream().mapToInt(PendingFile.Size::event).toArray();
                cells.add(new SizeCell(file, events, "size of file " + file.number));
            }
            file.units.forEach((unit, pieces) -> {
                String name = "file " + file.number + " " + file.kind.unitName() + " " + unit;
                if (byAtom && file.kind.atom() < file.kind.unit()) {
                    Map<Long, List<Piece>> atoms = new LinkedHashMap<>();
                    pieces.forEach(piece -> atoms.computeIfAbsent(piece.atom, a -> new ArrayList<>())
                            .add(piece));
                    long first = unit * (file.kind.unit() / file.kind.atom());
                    atoms.forEach((atom, own) ->
                            cells.add(new DataCell(file, own, eventsOf(own), name + " word " + (atom - first))));
                } else {
                    cells.add(new DataCell(file, pieces, eventsOf(pieces), name));
                }
            });
        }
        return cells;
    }

    private boolean mayHaveName(int file) {
        return names.containsValue(file)
                || changes.stream()
                        .anyMatch(
                                change -> change.change() instanceof Event.CreateFile create && create.file() == file);
    }

    private static int[] eventsOf(List<Piece> pieces) {
        return pieces.stream().mapToInt(piece -> piece.event).distinct().toArray();
    }

    /**
     * @param cells of this state, as it is now
     * @param versions one for each
     * @param tear null: none
     */
    CrashImage image(List<Cell> cells, int[] versions, Tear tear) {
        Map<String, Integer> left = new TreeMap<>(names);
        TreeSet<String> folders = new TreeSet<>(directories);
        applyNames(cells, versions, left, folders);
        folders.removeIf(folder -> !reachable(folder, folders));

        Map<Integer, Integer> sizes = new HashMap<>();
        for (int i = 0; i < versions.length; i++) {
            if (cells.get(i) instanceof SizeCell size) {
                sizes.put(size.file().number, versions[i]);
            }
        }
        Map<Integer, Map<Long, byte[]>> written = new HashMap<>();
        for (int i = 0; i < versions.length; i++) {
            if (cells.get(i) instanceof DataCell data) {
                int shrinks = data.file().shrinksAt(sizes.getOrDefault(data.file().number, 0));
                int version = clip(data, versions[i], shrinks);
                for (Piece piece : data.pieces()) {
                    if (version > 0
                            && piece.event <= data.events()[version - 1]
                            && !(tear != null && tear.cell() == i && tear.hides(piece))) {
                        data.file()
                                .patch(written.computeIfAbsent(data.file().number, number -> new HashMap<>()), piece);
                    }
                }
            }
        }
        TreeMap<String, FileContent> contents = new TreeMap<>();
        left.forEach((path, number) -> {
            if (reachable(path, folders)) {
                contents.put(
                        path,
                        files.get(number)
                                .content(sizes.getOrDefault(number, 0), written.getOrDefault(number, Map.of())));
            }
        });
        return new CrashImage(folders, contents, nextFile);
    }

    /** The root is always there. */
    private static boolean reachable(String path, Set<String> folders) {
        String folder = parent(path);
        return folder.equals("/") || (folders.contains(folder) && reachable(folder, folders));
    }

    /** A change without an earlier one of the same name is none. */
    private void applyNames(List<Cell> cells, int[] versions, Map<String, Integer> left, Set<String> folders) {
        boolean[] kept = new boolean[changes.size()];
        for (int i = 0; i < versions.length; i++) {
            if (cells.get(i) instanceof NameCell name) {
                kept[name.change()] = versions[i] > 0;
            }
        }
        for (int i = 0; i < kept.length; i++) {
            for (int earlier = 0; kept[i] && earlier < i; earlier++) {
                kept[i] = kept[earlier] || !changes.get(earlier).touches(changes.get(i));
            }
            if (kept[i]) {
                applyChange(changes.get(i).change(), left, folders);
            }
        }
    }

    /** The nearest version that goes with a file that has shrunk so often: all those zeros, and none that came later. */
    private static int clip(DataCell data, int version, int shrinks) {
        int lowest = 0;
        int highest = data.events().length;
        for (Piece piece : data.pieces()) {
            if (piece.shrink > 0) {
                int step = Arrays.binarySearch(data.events(), piece.event);
                if (piece.shrink <= shrinks) {
                    lowest = step + 1;
                } else {
                    highest = Math.min(highest, step);
                }
            }
        }
        return Math.max(lowest, Math.min(highest, version));
    }

    /** What a process that is killed leaves to the next one: everything, on the medium or on its way. */
    CrashImage everything() {
        List<Cell> cells = cells(false);
        return image(
                cells, cells.stream().mapToInt(cell -> cell.events().length).toArray(), null);
    }
}
