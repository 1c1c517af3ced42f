// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Batch;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.PageChecksums;
import org.vellum.store.image.home.Header;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.RecordingFiles;
import org.vellum.store.image.medium.StoreFile;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** A folder with one small region in it, and what tests do to it. */
public final class TestStore {
    public static final String REGION = "orders";
    public static final int PAGES = 8;
    public static final long SIZE = (long) PAGES * NativeCore.PAGE_SIZE;
    /** Two segments of one page each: a few batches fill one. */
    public static final long LOG_SIZE = 2L * NativeCore.PAGE_SIZE;

    public static final PhaseObserver IGNORE = new PhaseObserver() {
        @Override
        public void entered(String region, Phase phase) {}
    };

    public final Path directory;
    public final RecordingFiles files = new RecordingFiles();

    public TestStore(Path directory) {
        this.directory = directory;
    }

    public StoreImage open() {
        return open(SIZE, LOG_SIZE, IGNORE);
    }

    public StoreImage open(long size, long logSize, PhaseObserver observer) {
        Store.Request request = new Store.Request(REGION, null, size, logSize);
        return Images.open(Cores.CORE, files, new ImageFiles(directory, REGION), request, observer);
    }

    public StoreImage open(PhaseObserver observer) {
        return open(SIZE, LOG_SIZE, observer);
    }

    public Path home() {
        return directory.resolve(REGION + ".vellum");
    }

    public Path log(int segment) {
        return directory.resolve(REGION + ".vellum-log" + segment);
    }

    /** What kill -9 leaves at this moment: the files as the page cache has them. */
    public TestStore crashImage(Path to) {
        try {
            Files.createDirectories(to);
            try (Stream<Path> all = Files.list(directory)) {
                for (Path file : all.toList()) {
                    if (Files.isRegularFile(file)) {
                        Files.copy(file, to.resolve(file.getFileName()));
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        TestStore crashed = new TestStore(to);
        crashed.files.inheritSyncedLogs(files);
        return crashed;
    }

    /**
     * What a power cut may leave at this moment, at its worst: the home image as the page cache has it, but of the log
     * only what was synced.
     */
    TestStore powerCutImage(Path to) {
        TestStore cut = crashImage(to);
        try {
            for (int segment = 0; segment < 2; segment++) {
                if (Files.exists(cut.log(segment))) {
                    Files.write(cut.log(segment), files.syncedLog(log(segment)));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return cut;
    }

    public void delete() {
        try (Stream<Path> all = Files.list(directory)) {
            for (Path file : all.toList()) {
                Files.delete(file);
            }
            Files.delete(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Persists and applies. */
    public static long commit(StoreImage image, BatchBuilder changes) {
        try (NativeMemory batch = changes.build()) {
            long epoch = image.persist(batch.address(), changes.length());
            image.apply(batch.address(), changes.length());
            return epoch;
        }
    }

    public static byte[] content(StoreImage image) {
        byte[] bytes = new byte[(int) image.size()];
        Cores.CORE.memory().view(image.committedView(), bytes.length).get(bytes);
        return bytes;
    }

    public static byte[] read(Path file, long offset, int length) throws IOException {
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "r")) {
            byte[] bytes = new byte[length];
            access.seek(offset);
            access.readFully(bytes);
            return bytes;
        }
    }

    public static void write(Path file, long offset, byte[] bytes) throws IOException {
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.seek(offset);
            access.write(bytes);
        }
    }

    public static void truncate(Path file, long length) throws IOException {
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.setLength(length);
        }
    }

    public static void flip(Path file, long offset, int bit) throws IOException {
        byte[] one = read(file, offset, 1);
        one[0] ^= (byte) (1 << bit);
        write(file, offset, one);
    }

    /** As a second process reads it. */
    public Header header() {
        try (StoreFile file = new NativeStoreFiles(Cores.CORE).open(home(), false)) {
            return Header.read(Cores.CORE, file, REGION);
        } catch (FileFailure e) {
            throw new AssertionError(e);
        }
    }

    public Checkpoint checkpoint() {
        return header().checkpoint();
    }

    public ImageIdentity identity() {
        return header().identity();
    }

    /** In both slots. */
    public void putCheckpoint(Checkpoint checkpoint) throws IOException {
        write(home(), Checkpoint.offset(0), checkpoint.encode());
        write(home(), Checkpoint.offset(1), checkpoint.encode());
    }

    /** The home image in the file holds this content, and every page's checksum says so. */
    public void assertHomeHolds(byte[] expected) throws Exception {
        ImageIdentity identity = identity();
        byte[] bytes = read(home(), identity.homeOffset(), (int) identity.size());
        assertArrayEquals(expected, bytes);
        for (int page = 0; page < identity.pages(); page++) {
            int entry = ByteBuffer.wrap(read(home(), PageChecksums.offset(identity, page), 4))
                    .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                    .getInt();
            ByteBuffer content = ByteBuffer.wrap(bytes, page * NativeCore.PAGE_SIZE, NativeCore.PAGE_SIZE);
            if (entry == 0) {
                assertEquals(ByteBuffer.allocate(NativeCore.PAGE_SIZE), content, "page " + page);
            } else {
                assertEquals(PageChecksums.entry(content), entry, "checksum of page " + page);
            }
        }
    }

    /** A sealed batch as bytes, for putting into a log by hand; padded. */
    public static byte[] sealed(
            BatchBuilder changes, long epoch, long durableEpoch, long generation, long offset, long identity) {
        try (NativeMemory memory = changes.build()) {
            Batch batch = new Batch(Cores.CORE, memory.address(), changes.length());
            batch.seal(epoch, durableEpoch, generation, offset, identity);
            byte[] bytes = new byte[(int) batch.paddedLength()];
            memory.view(0, bytes.length).get(bytes);
            return bytes;
        }
    }
}
