// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.vellum.api.provider.InPlace;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.crash.enumeration.Event.StoreKind;
import org.vellum.crash.enumeration.MediumFile;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativePersistence;
import org.vellum.nativelib.NativeRegion;
import org.vellum.nativelib.Recorder;
import org.vellum.nativelib.Relocation;
import org.vellum.nativelib.internal.JnaNativePersistence;
import org.vellum.pagetable.host.HostPageTable;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.memory.MemoryStore;
import org.vellum.strategy.writeprotect.WriteProtectStrategy;
import org.vellum.vmm.host.HostVmm;

/**
 * A region in place on the store {@code memory}, from its opening to its end in order, and away from there and back;
 * what the store's recorder sees is passed on to a medium that began with the same files.
 */
final class InPlaceRun implements AutoCloseable {
    private static final NativeCore CORE = ImageSession.CORE;
    // Loaded once and for all: handlers may be on their way out of them at any time.
    private static final JnaNativePersistence PERSISTENCE = new JnaNativePersistence();
    private static final HostVmm VMM = new HostVmm();
    private static final HostPageTable PAGE_TABLE = new HostPageTable();
    private static final WriteProtectStrategy STRATEGY = new WriteProtectStrategy();

    private static final int RECORDER_CAPACITY = 16 << 20;
    /** Start, end, offset in the file, and the name of a shared mapping, as /proc/self/maps has them. */
    private static final Pattern MAPPING =
            Pattern.compile("([0-9a-f]+)-([0-9a-f]+) ..[^ ]s ([0-9a-f]+) \\S+ \\d+ +(.*)");

    private static final PhaseObserver NOBODY = new PhaseObserver() {
        @Override
        public void entered(String region, Phase phase) {}
    };

    private final RecordingMedium medium;
    private final MemoryStore store = new MemoryStore(CORE, PERSISTENCE);
    private final Recorder recorder;
    private final StoreImage image;
    private final long base;
    private final NativeRegion region;
    private final Set<Long> watched = new HashSet<>();
    private final long batch;
    private boolean isInPlace = true;
    private byte[] committed;
    private byte[] content;
    private long epoch;
    private long batchLength;

    InPlaceRun(RecordingMedium medium, byte[] content) {
        this.medium = medium;
        this.content = content.clone();
        committed = content.clone();
        Map<Path, byte[]> files = new HashMap<>();
        for (String path : medium.paths()) {
            MediumFile file = medium.open(path);
            files.put(Path.of(path), file.read(0, (int) file.size()));
        }
        store.replace(files);
        recorder = store.startRecording(RECORDER_CAPACITY);
        Path folder = ImageSession.NAMES.directory();
        image = store.open(new Store.Request(ImageSession.NAMES.region(), folder, 0, 0), NOBODY);
        epoch = image.epoch();
        InPlace place = image.beginInPlace().orElseThrow();
        passOn();
        base = CORE.ranges().reserve(0, ImageSession.SIZE, image.identity());
        require(base > 0, "no range for the region: " + base);
        region = CORE.regions().createInPlace(base, ImageSession.SIZE, place);
        watchMappings();
        batch = CORE.memory().map(region.batchCapacity());
        region.attach(VMM.operations(), PAGE_TABLE.operations(), STRATEGY.operations())
                .ifPresent(refusal -> require(false, refusal));
    }

    private static void require(boolean condition, String sentence) {
        if (!condition) {
            throw new IllegalStateException(sentence);
        }
    }

    /** The names of the native half's persist points: those of moves, or all others. */
    static List<String> nativePoints(boolean ofMoves) {
        return IntStream.range(1, NativePersistence.POINTS_OF_STORES)
                .mapToObj(PERSISTENCE::pointName)
                .flatMap(Optional::stream)
                .filter(name -> name.startsWith("move ") == ofMoves)
                .toList();
    }

    /** The region and its alias are mappings of the home image's file that only the native half knows. */
    private void watchMappings() {
        Path home = ImageSession.NAMES.home();
        int number = mediumNumber(home);
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
                Matcher mapping = MAPPING.matcher(line);
                if (mapping.matches() && mapping.group(4).contains("memfd:" + home.getFileName())) {
                    long start = Long.parseUnsignedLong(mapping.group(1), 16);
                    long offset = Long.parseLong(mapping.group(3), 16);
                    if (offset >= image.homeOffset()) {
                        long length = Long.parseUnsignedLong(mapping.group(2), 16) - start;
                        recorder.watch(start, length, number, offset);
                        watched.add(start);
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        require(watched.size() >= 2, "region and alias are expected among the mappings, found " + watched.size());
    }

    private int mediumNumber(Path path) {
        return store.media().entrySet().stream()
                .filter(entry -> entry.getValue().equals(path))
                .mapToInt(Map.Entry::getKey)
                .findFirst()
                .orElseThrow();
    }

    /** An application's store of one word, at the beginning of a line. */
    void store(int page, int line, long value) {
        int at = page * NativeCore.PAGE_SIZE + line * NativeCore.LINE_SIZE;
        byte[] word = ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array();
        if (isInPlace) {
            recorder.applicationStore(base + at, word);
        } else {
            CORE.memory().view(base + at, word.length).put(0, word);
        }
        System.arraycopy(word, 0, content, at, word.length);
        passOn();
    }

    void commit() {
        medium.begun(epoch + 1, ImageSession.compared(ImageSession.ADDRESS, content));
        long reached = isInPlace ? region.commitInPlace().epoch() : persist();
        passOn();
        require(reached == epoch + 1, "the commit is of epoch " + reached + ", not " + (epoch + 1));
        epoch++;
        medium.acknowledged(epoch);
        if (!isInPlace) {
            image.apply(batch, batchLength);
            region.cutPersisted();
        }
        committed = content.clone();
    }

    private long persist() {
        batchLength = region.cut(batch).batchLength();
        return image.persist(batch, batchLength);
    }

    /** From the home image to a working image, which is no medium; what was not committed stays so. */
    void moveToWorkingImage() {
        swap(new Relocation.ToWorkingImage(image.committedView()));
        watched.forEach(recorder::unwatch);
        watched.clear();
        image.endInPlace(epoch);
        isInPlace = false;
        passOn();
    }

    /** And back. */
    void moveToHomeImage() {
        swap(new Relocation.ToHomeImage(image.beginInPlace().orElseThrow()));
        watchMappings();
        isInPlace = true;
        passOn();
    }

    private void swap(Relocation relocation) {
        String refusal = region.swap(VMM.operations(), PAGE_TABLE.operations(), STRATEGY.operations(), relocation)
                .refusal();
        require(refusal == null, refusal);
    }

    void rollback() {
        require(region.rollback() > 0, "no page was rolled back");
        passOn();
        content = committed.clone();
    }

    /** What was not committed is rolled back, and the image is closed in order. */
    @Override
    public void close() {
        CORE.memory().unmap(batch, region.batchCapacity());
        region.close();
        if (isInPlace) {
            image.endInPlace(epoch);
        }
        image.close();
        passOn();
        store.stopRecording();
        CORE.ranges().retire(base, ImageSession.SIZE);
    }

    private void passOn() {
        Map<Integer, Path> media = store.media();
        for (Recorder.Event event : recorder.take()) {
            MediumFile file = event.medium() == 0
                    ? null
                    : medium.open(media.get(event.medium()).toString());
            switch (event.kind()) {
                case STORE -> file.store(event.offset(), event.bytes(), StoreKind.NON_TEMPORAL);
                case WORD -> file.store(event.offset(), event.bytes(), StoreKind.CACHED);
                case APPLICATION_STORE -> file.store(event.offset(), event.bytes(), StoreKind.APPLICATION);
                case WRITE_BACK -> file.writeBack(event.offset(), event.length(), pointName(event.point()));
                case FENCE -> medium.fence(pointName(event.point()));
                default -> throw new IllegalStateException("not expected: " + event);
            }
        }
    }

    private static String pointName(int point) {
        return point < NativePersistence.POINTS_OF_STORES
                ? PERSISTENCE.pointName(point).orElseThrow()
                : PersistPoint.values()[point - NativePersistence.POINTS_OF_STORES].name();
    }
}
