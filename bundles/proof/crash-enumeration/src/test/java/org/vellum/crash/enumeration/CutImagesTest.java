// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vellum.crash.enumeration.Event.StoreKind;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * On small cases the images of a cut are exactly the legal states. These come from an independent definition: a device
 * that at any moment takes the next store of any word (sector, name) and stops at any moment.
 */
class CutImagesTest {
    private static final String PATH = "/f";
    private static final int SIZE = 1024;
    private static final Limits ALL = Limits.DEFAULT.withSubsets(20, 0, 0);

    private static MediumState state(List<Event> events) {
        MediumState state = new MediumState(CrashImage.EMPTY);
        events.forEach(state::apply);
        return state;
    }

    private static List<CrashImage> images(MediumState state, Limits limits) {
        List<CrashImage> images = new ArrayList<>();
        CutImages choices = new CutImages(state, limits, false);
        choices.forEach(choice -> images.add(state.image(choices.cells, choice.versions(), choice.tear())));
        return images;
    }

    private static List<Event> created(MediumKind kind) {
        return new ArrayList<>(List.of(
                new Event.CreateFile(0, PATH, kind),
                new Event.Allocate(0, 0, SIZE),
                new Event.SyncData(0, "s"),
                new Event.SyncDirectory("/", "d")));
    }

    private static String bytes(CrashImage image) {
        return Arrays.toString(image.read(PATH, 0, SIZE));
    }

    static IntStream seeds() {
        return IntStream.range(0, 60);
    }

    // ---- bytes: a device of words (sectors) ----

    /** What is in a queue to one word; drained so far, and how much must be by now. */
    private static final class Queue {
        final List<byte[]> values = new ArrayList<>();
        int writtenBack;
        int durable;
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void persistentMemory(int seed) {
        Random random = new Random(seed);
        List<Event> events = created(MediumKind.BYTE_ADDRESSABLE);
        TreeMap<Integer, Queue> queues = new TreeMap<>();
        for (int i = 0; i < 9; i++) {
            int line = random.nextInt(2);
            switch (random.nextInt(5)) {
                case 0 -> {
                    events.add(new Event.WriteBack(0, line * 64L, 64, "w", 1));
                    queues.forEach((word, queue) -> {
                        if (word / 8 == line) {
                            queue.writtenBack = queue.values.size();
                        }
                    });
                }
                case 1 -> {
                    events.add(new Event.Fence("f", 1));
                    queues.values().forEach(queue -> queue.durable = Math.max(queue.durable, queue.writtenBack));
                }
                default -> {
                    int first = line * 8 + random.nextInt(7);
                    boolean around = random.nextInt(3) == 0;
                    byte[] value = new byte[8 * (1 + random.nextInt(2))];
                    random.nextBytes(value);
                    events.add(new Event.Store(
                            0, first * 8L, value, around ? StoreKind.NON_TEMPORAL : StoreKind.APPLICATION, 1));
                    for (int word = first; word < first + value.length / 8; word++) {
                        Queue queue = queues.computeIfAbsent(word, w -> new Queue());
                        queue.values.add(Arrays.copyOfRange(value, (word - first) * 8, (word - first + 1) * 8));
                        queue.writtenBack = around ? queue.values.size() : queue.writtenBack;
                    }
                }
            }
        }
        assertLegal(events, queues, 8);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void sectors(int seed) {
        Random random = new Random(seed);
        List<Event> events = created(MediumKind.BLOCK);
        TreeMap<Integer, Queue> queues = new TreeMap<>();
        for (int i = 0; i < 7; i++) {
            switch (random.nextInt(6)) {
                case 0 -> {
                    events.add(new Event.SyncData(0, "s"));
                    // behind a failed sync the values it may have lost stay lost, unless the sector was written again
                    queues.values().forEach(queue -> {
                        if (queue.writtenBack < queue.values.size()) {
                            queue.durable = queue.values.size();
                        }
                    });
                }
                case 1 -> {
                    events.add(new Event.SyncDataFailed(0));
                    queues.values().forEach(queue -> queue.writtenBack = queue.values.size());
                }
                default -> {
                    int first = random.nextInt(2);
                    int count = first == 0 ? 1 + random.nextInt(2) : 1;
                    byte[] value = new byte[count * 512];
                    random.nextBytes(value);
                    events.add(new Event.Write(0, first * 512L, value));
                    for (int sector = first; sector < first + count; sector++) {
                        queues.computeIfAbsent(sector, s -> new Queue())
                                .values
                                .add(Arrays.copyOfRange(value, (sector - first) * 512, (sector - first + 1) * 512));
                    }
                }
            }
        }
        assertLegal(events, queues, 512);
    }

    private static void assertLegal(List<Event> events, TreeMap<Integer, Queue> queues, int atom) {
        Set<String> legal = new HashSet<>();
        drain(new byte[SIZE], new ArrayDeque<>(queues.keySet()), queues, atom, legal);
        Set<String> found = new HashSet<>();
        images(state(events), ALL).forEach(image -> found.add(bytes(image)));
        assertEquals(legal, found, events::toString);
    }

    /** Every word stops at any moment that is not before what must be durable. */
    private static void drain(
            byte[] content, Deque<Integer> words, TreeMap<Integer, Queue> queues, int atom, Set<String> legal) {
        if (words.isEmpty()) {
            legal.add(Arrays.toString(content));
            return;
        }
        Deque<Integer> rest = new ArrayDeque<>(words);
        int word = rest.pop();
        Queue queue = queues.get(word);
        for (int drained = queue.durable; drained <= queue.values.size(); drained++) {
            byte[] next = content.clone();
            if (drained > 0) {
                System.arraycopy(queue.values.get(drained - 1), 0, next, word * atom, atom);
            }
            drain(next, rest, queues, atom, legal);
        }
    }

    // ---- names: a device that takes changes in any order that keeps those of one name apart ----

    private record Change(Event event, Set<String> names) {}

    @ParameterizedTest
    @MethodSource("seeds")
    void names(int seed) {
        Random random = new Random(seed);
        List<String> all = List.of("/a", "/b", "/d/c");
        List<Event> events = new ArrayList<>();
        events.add(new Event.CreateDirectory("/d"));
        TreeSet<String> existing = new TreeSet<>();
        int files = 0;
        for (int i = 0; i < 7; i++) {
            String name = all.get(random.nextInt(3));
            int what = random.nextInt(5);
            if (what == 0) {
                events.add(new Event.SyncDirectory(random.nextBoolean() ? "/" : "/d", "d"));
            } else if (what == 1 && existing.remove(name)) {
                events.add(new Event.Delete(name));
            } else if (what == 2 && existing.contains(name)) {
                String to = all.get((all.indexOf(name) + 1) % 3);
                events.add(new Event.Rename(name, to));
                existing.remove(name);
                existing.add(to);
            } else if (existing.add(name)) {
                events.add(new Event.CreateFile(files++, name, MediumKind.BLOCK));
            }
        }
        Set<String> found = new HashSet<>();
        for (CrashImage image : images(state(events), ALL)) {
            found.add(image.directories() + " " + names(image));
        }
        assertEquals(legalNames(events), found, events::toString);
    }

    private static String names(CrashImage image) {
        TreeMap<String, Integer> names = new TreeMap<>();
        image.files().forEach((path, content) -> names.put(path, content.file()));
        return names.toString();
    }

    private static Set<String> legalNames(List<Event> events) {
        List<Change> changes = new ArrayList<>();
        Set<Change> must = new HashSet<>();
        for (Event event : events) {
            if (event instanceof Event.CreateFile create) {
                changes.add(new Change(event, Set.of(create.path())));
            } else if (event instanceof Event.Delete delete) {
                changes.add(new Change(event, Set.of(delete.path())));
            } else if (event instanceof Event.Rename rename) {
                changes.add(new Change(event, Set.of(rename.from(), rename.to())));
            } else if (event instanceof Event.CreateDirectory create) {
                changes.add(new Change(event, Set.of(create.path())));
            } else if (event instanceof Event.SyncDirectory sync) {
                for (Change change : changes) {
                    String decisive = change.event instanceof Event.Rename rename
                            ? rename.to()
                            : change.names.iterator().next();
                    boolean inRoot = decisive.lastIndexOf('/') == 0;
                    if (inRoot == sync.path().equals("/")) {
                        must.add(change);
                    }
                }
            }
        }
        Set<String> legal = new HashSet<>();
        for (int subset = 0; subset < 1 << changes.size(); subset++) {
            List<Change> kept = new ArrayList<>();
            boolean possible = true;
            for (int i = 0; i < changes.size(); i++) {
                Change change = changes.get(i);
                if ((subset >> i & 1) != 0) {
                    kept.add(change);
                    for (int earlier = 0; earlier < i; earlier++) {
                        boolean overtaken = (subset >> earlier & 1) == 0
                                && changes.get(earlier).names.stream().anyMatch(change.names::contains);
                        possible &= !overtaken;
                    }
                } else {
                    possible &= !must.contains(change);
                }
            }
            if (possible) {
                legal.add(namesAfter(kept));
            }
        }
        return legal;
    }

    private static String namesAfter(List<Change> kept) {
        TreeMap<String, Integer> names = new TreeMap<>();
        boolean folder = false;
        for (Change change : kept) {
            if (change.event instanceof Event.CreateFile create) {
                names.put(create.path(), create.file());
            } else if (change.event instanceof Event.Delete delete) {
                names.remove(delete.path());
            } else if (change.event instanceof Event.Rename rename) {
                names.put(rename.to(), names.remove(rename.from()));
            } else {
                folder = true;
            }
        }
        if (!folder) {
            names.remove("/d/c");
        }
        return (folder ? "[/d] " : "[] ") + names;
    }

    @Test
    void aFenceIsOneOfItsThreadOnly() {
        List<Event> events = created(MediumKind.BYTE_ADDRESSABLE);
        events.add(new Event.Store(0, 0, new byte[] {1}, StoreKind.NON_TEMPORAL, 1));
        events.add(new Event.Store(0, 64, new byte[] {2}, StoreKind.CACHED, 2));
        events.add(new Event.WriteBack(0, 64, 1, "w", 2));
        events.add(new Event.Fence("f", 2));
        MediumState state = state(events);
        Set<Integer> first = new TreeSet<>();
        images(state, ALL).forEach(image -> {
            first.add((int) image.read(PATH, 0, 1)[0]);
            assertEquals(2, image.read(PATH, 64, 1)[0]);
        });
        assertEquals(Set.of(0, 1), first);
        MediumState killed = state.killed();
        killed.apply(new Event.Fence("f", 7));
        assertEquals(1, images(killed, ALL).size());
    }

    // ---- sizes ----

    @Test
    void bytesBehindALostSizeAreNotThere() {
        List<Event> events = created(MediumKind.BLOCK);
        byte[] value = new byte[512];
        Arrays.fill(value, (byte) 7);
        events.add(new Event.Write(0, SIZE, value));
        events.add(new Event.Truncate(0, SIZE + 2048L));
        Set<String> found = new TreeSet<>();
        for (CrashImage image : images(state(events), ALL)) {
            found.add(image.size(PATH) + ":" + image.read(PATH, SIZE, 1)[0]);
        }
        assertEquals(Set.of("1024:0", "1536:0", "1536:7", "3072:0", "3072:7"), found);
    }

    /** New bytes lie in new blocks, so where the shrinking is lost the old ones are all there. */
    @Test
    void whatWasCutOffIsThereAsLongAsTheSizeSaysSo() {
        List<Event> events = created(MediumKind.BLOCK);
        byte[] one = new byte[1024];
        Arrays.fill(one, (byte) 1);
        byte[] two = new byte[512];
        Arrays.fill(two, (byte) 2);
        events.add(new Event.Write(0, 512, one));
        events.add(new Event.SyncData(0, "s"));
        events.add(new Event.Truncate(0, 512));
        events.add(new Event.Write(0, 512, two));
        Set<String> found = new TreeSet<>();
        for (CrashImage image : images(state(events), ALL)) {
            found.add(image.size(PATH) + ":" + image.read(PATH, 512, 1)[0] + image.read(PATH, 1024, 1)[0]);
        }
        assertEquals(Set.of("1536:11", "512:00", "1024:00", "1024:20"), found);
    }

    @Test
    void aSyncMakesTheSizeDurableAndNotTheName() {
        List<Event> events = List.of(
                new Event.CreateFile(0, PATH, MediumKind.BLOCK),
                new Event.Write(0, 0, new byte[] {1}),
                new Event.SyncData(0, "s"));
        Set<String> found = new TreeSet<>();
        images(state(events), ALL).forEach(image -> found.add(image.toString()));
        assertEquals(Set.of("folders [], files", "folders [], files /f (file 0, 1 bytes)"), found);
    }

    @Test
    void damageIsThereWhateverIsOnItsWay() {
        List<Event> events = created(MediumKind.BLOCK);
        byte[] written = new byte[512];
        Arrays.fill(written, (byte) 1);
        byte[] lost = new byte[512];
        Arrays.fill(lost, (byte) 9);
        events.add(new Event.Write(0, 0, written));
        events.add(new Event.SyncData(0, "s"));
        events.add(new Event.Write(0, 512, written));
        events.add(new Event.Damage(0, 0, lost));
        Set<String> found = new TreeSet<>();
        for (CrashImage image : images(state(events), ALL)) {
            found.add(image.read(PATH, 0, 1)[0] + ":" + image.read(PATH, 512, 1)[0]);
        }
        assertEquals(Set.of("9:0", "9:1"), found);
    }

    // ---- more than can be enumerated ----

    private static List<Event> writesOf(int sectors) {
        List<Event> events = created(MediumKind.BLOCK);
        for (int sector = 0; sector < sectors; sector++) {
            byte[] value = new byte[512];
            Arrays.fill(value, (byte) (sector + 1));
            events.add(new Event.Write(0, sector * 512L, value));
        }
        return events;
    }

    private static Set<String> kept(List<CrashImage> images, int sectors) {
        Set<String> subsets = new HashSet<>();
        for (CrashImage image : images) {
            StringBuilder subset = new StringBuilder();
            for (int sector = 0; sector < sectors; sector++) {
                subset.append(image.size(PATH) > sector * 512L && image.read(PATH, sector * 512L, 1)[0] != 0 ? 1 : 0);
            }
            subsets.add(subset.toString());
        }
        return subsets;
    }

    @Test
    void everySubsetOfUpToTheLimit() {
        List<Event> events = created(MediumKind.BLOCK);
        events.add(new Event.Truncate(0, 8192));
        events.add(new Event.SyncData(0, "s"));
        for (int round = 0; round < 2; round++) {
            for (int sector = 0; sector < 12; sector++) {
                byte[] value = new byte[512];
                Arrays.fill(value, (byte) (16 * round + sector + 1));
                events.add(new Event.Write(0, sector * 512L, value));
            }
        }
        assertEquals(
                4096,
                kept(images(state(events), Limits.DEFAULT.withSubsets(12, 0, 0)), 12)
                        .size());
    }

    @Test
    void beyondTheLimitAreThePrefixesBothWaysAndASampleThatTheSeedDecides() {
        List<Event> events = writesOf(16);
        Limits limits = Limits.DEFAULT.withSubsets(12, 30, 0);
        Set<String> found = kept(images(state(events), limits), 16);
        // with the sizes on their way as well, a file that is too short hides what is behind
        assertTrue(found.contains("1111111100000000"), found::toString);
        assertTrue(found.contains("1111111111111111"), found::toString);
        assertTrue(found.contains("0000000000000000"), found::toString);
        assertTrue(found.contains("0000000011111111"), found::toString);
        assertEquals(found, kept(images(state(events), limits), 16));
        assertNotEquals(found, kept(images(state(events), limits.withSeed(2)), 16));
    }

    @Test
    void aLineTearsAtEachWordBoundary() {
        List<Event> events = created(MediumKind.BYTE_ADDRESSABLE);
        byte[] value = new byte[256];
        Arrays.fill(value, (byte) 9);
        events.add(new Event.Store(0, 0, value, StoreKind.CACHED, 1));
        Set<String> firstLine = new HashSet<>();
        for (CrashImage image : images(state(events), Limits.DEFAULT.withSubsets(4, 0, 1000))) {
            byte[] line = image.read(PATH, 0, 64);
            StringBuilder words = new StringBuilder();
            for (int word = 0; word < 8; word++) {
                for (int i = 1; i < 8; i++) {
                    assertEquals(line[word * 8], line[word * 8 + i]);
                }
                words.append(line[word * 8] == 9 ? 1 : 0);
            }
            firstLine.add(words.toString());
        }
        for (int boundary = 0; boundary <= 8; boundary++) {
            assertTrue(firstLine.contains("1".repeat(boundary) + "0".repeat(8 - boundary)), firstLine::toString);
            assertTrue(firstLine.contains("0".repeat(boundary) + "1".repeat(8 - boundary)), firstLine::toString);
        }
    }

    /** What an event made possible are just the images that were not there before it. */
    @ParameterizedTest
    @MethodSource("seeds")
    void onlyFreshImagesAndTheEarlierOnesAreAllOfThem(int seed) {
        Random random = new Random(seed);
        MediumState state = state(created(MediumKind.BLOCK));
        Set<String> collected = new HashSet<>();
        images(state, ALL).forEach(image -> collected.add(bytes(image)));
        for (int i = 0; i < 4; i++) {
            byte[] value = new byte[512];
            random.nextBytes(value);
            state.apply(new Event.Write(0, random.nextInt(2) * 512L, value));
            CutImages fresh = new CutImages(state, ALL, true);
            fresh.forEach(choice -> collected.add(bytes(state.image(fresh.cells, choice.versions(), choice.tear()))));
            Set<String> all = new HashSet<>();
            images(state, ALL).forEach(image -> all.add(bytes(image)));
            assertEquals(all, collected);
        }
    }

    // ---- hashes ----

    @Test
    void imagesDifferByWhatMattersOnly() {
        RecordingMedium medium = new RecordingMedium(CrashImage.EMPTY);
        MediumFile file = medium.create("/x.vellum", MediumKind.BLOCK);
        file.write(0, new byte[] {1, 2, 3});
        file.write(9000, new byte[] {4});
        CrashImage image = everything(medium);
        file.write(9000, new byte[] {5});
        CrashImage other = everything(medium);
        List<CrashImage.WithoutMeaning> none = List.of();
        List<CrashImage.WithoutMeaning> ignored = List.of(new CrashImage.WithoutMeaning(".vellum", 8990, 20));
        assertNotEquals(image.hash(none), other.hash(none));
        assertEquals(image.hash(ignored), other.hash(ignored));
        medium.rename("/x.vellum", "/y.vellum");
        assertNotEquals(other.hash(ignored), everything(medium).hash(ignored));
        file.truncate(4096);
        CrashImage shorter = everything(medium);
        assertNotEquals(other.hash(ignored), shorter.hash(ignored));
        assertArrayEquals(new byte[] {1, 2, 3, 0}, shorter.read("/y.vellum", 0, 4));
    }

    private static CrashImage everything(RecordingMedium medium) {
        return state(medium.events()).everything();
    }
}
