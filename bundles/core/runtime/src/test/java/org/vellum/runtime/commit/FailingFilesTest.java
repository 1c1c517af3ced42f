// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.commit;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vellum.api.CommitException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.runtime.region.OpenRegion;
import org.vellum.runtime.registry.Regions;
import org.vellum.runtime.testing.Bench;
import org.vellum.runtime.testing.HostProviders;
import org.vellum.store.image.Images;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ForwardingStoreFile;
import org.vellum.store.image.medium.ForwardingStoreFiles;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A region on the real core whose files fail at every write, sync and growth in turn, once, twice, or from then on. A
 * commit that cannot be durable says so; the stores it was to take stay where they are and are part of the next commit
 * that succeeds, or are rolled back; what the files hold is the last acknowledged epoch.
 */
@Tag("slow")
class FailingFilesTest {
    private static final int SIZE = 64 * 4096;
    private static final int LOG_SIZE = 2 * 4096;
    private static final int COMMITS = 10;
    private static final int MORE_THAN_ANY_FINITE_FAULT = 3;
    private static final Logger LOGGER = Logger.getLogger("org.vellum");

    private static HostProviders host;

    @TempDir
    Path folder;

    @BeforeAll
    static void loadNativeCode() {
        host = new HostProviders();
        LOGGER.setLevel(Level.OFF); // lines for every life and every fault
    }

    @AfterAll
    static void releaseNativeCode() {
        LOGGER.setLevel(null);
        host.close();
    }

    /** The file store, on files of which some calls fail. */
    private final class FailingStore extends ForwardingStoreFiles implements Store {
        private final AtomicInteger calls = new AtomicInteger();
        private final int at;
        private final int times;
        private final int errno;
        private final Set<Path> failed = ConcurrentHashMap.newKeySet();

        FailingStore(int at, int times, int errno) {
            super(new NativeStoreFiles(host.core));
            this.at = at;
            this.times = times;
            this.errno = errno;
        }

        private void call(String call, Path path) throws FileFailure {
            int number = calls.getAndIncrement();
            if (number >= at && number - at < times) {
                failed.add(path);
                throw new FileFailure(call + " of " + path, errno);
            }
        }

        @Override
        public String name() {
            return "file";
        }

        @Override
        public StoreImage open(Request request, PhaseObserver observer) {
            return Images.open(host.core, this, ImageFiles.of(request, folder), request, observer);
        }

        @Override
        public StoreFile open(Path path, boolean create) throws FileFailure {
            return new FailingFile(this, super.open(path, create));
        }

        @Override
        public void rename(Path from, Path to) throws FileFailure {
            call("rename", from);
            super.rename(from, to);
        }

        @Override
        public void delete(Path path) throws FileFailure {
            call("deletion", path);
            super.delete(path);
        }

        @Override
        public void syncDirectory(Path directory, PersistPoint point) throws FileFailure {
            call("fsync", directory);
            super.syncDirectory(directory, point);
        }
    }

    private static final class FailingFile extends ForwardingStoreFile {
        private final FailingStore store;

        FailingFile(FailingStore store, StoreFile real) {
            super(real);
            this.store = store;
        }

        @Override
        public void write(long address, long length, long offset) throws FileFailure {
            store.call("write", path());
            super.write(address, length, offset);
        }

        @Override
        public void syncData(PersistPoint point) throws FileFailure {
            store.call("fdatasync", path());
            super.syncData(point);
        }

        @Override
        public void allocate(long offset, long length) throws FileFailure {
            store.call("allocation", path());
            super.allocate(offset, length);
        }

        @Override
        public void truncate(long length) throws FileFailure {
            store.call("truncation", path());
            super.truncate(length);
        }
    }

    /** What the application knows of one region, from its creation to its end. */
    private final class Life {
        private final String strategy;
        private final Path directory;
        private final FailingStore store;
        private final boolean rollsBack;
        private byte[] committed = new byte[SIZE];
        private byte[] stored = new byte[SIZE];
        /** Of the epoch behind the last acknowledged one, which could not be made invalid; null: none. */
        private byte[] inDoubt;

        private long epoch;
        private boolean refused;

        Life(String strategy, Path directory, FailingStore store, boolean rollsBack) {
            this.strategy = strategy;
            this.directory = directory;
            this.store = store;
            this.rollsBack = rollsBack;
        }

        private OpenRegion open(Regions regions) {
            RegionOptions options = RegionOptions.size(SIZE)
                    .withLogSize(LOG_SIZE)
                    .withDirectory(directory)
                    .withStrategy(strategy);
            return regions.open("orders", options, Bench.OWNER);
        }

        void live() {
            Regions regions = host.runtime(store);
            try {
                OpenRegion region = openPatiently(regions);
                if (region != null) {
                    for (int i = 1; i <= COMMITS && !refused; i++) {
                        storeSomething(region, i);
                        commitPatiently(region);
                    }
                }
            } finally {
                regions.stop();
            }
            recovers();
        }

        private OpenRegion openPatiently(Regions regions) {
            for (int attempt = 0; attempt < MORE_THAN_ANY_FINITE_FAULT; attempt++) {
                try {
                    return open(regions);
                } catch (RegionException e) {
                    assertSaysWhatToDo(e);
                }
            }
            assertEquals(Integer.MAX_VALUE, store.times, "not opened although the fault passed");
            return null;
        }

        private void storeSomething(OpenRegion region, int i) {
            ByteBuffer buffer = region.buffer(0, SIZE);
            for (int line = 0; line < (i % 4 == 3 ? 80 : 12); line++) {
                int at = (i * 7 + line * 5) % 64 * 4096 + (line % 64) * 64;
                buffer.putInt(at, i * 1000 + line);
                ByteBuffer.wrap(stored).order(buffer.order()).putInt(at, i * 1000 + line);
            }
        }

        private void commitPatiently(OpenRegion region) {
            for (int attempt = 0; attempt < MORE_THAN_ANY_FINITE_FAULT; attempt++) {
                try {
                    epoch = region.commit();
                    committed = stored.clone();
                    inDoubt = null;
                    return;
                } catch (CommitException e) {
                    assertSaysWhatToDo(e);
                    noteDoubt(e);
                    assertArrayEquals(stored, content(region), "the stores are still there");
                }
                if (rollsBack) {
                    rollBack(region);
                    return;
                }
            }
            assertEquals(Integer.MAX_VALUE, store.times, "no commit although the fault passed");
            refused = true;
        }

        /**
         * A failed batch is invalidated before anything else is accepted. While that fails, a crash may find its epoch
         * durable: that of this commit, or still that of one before, behind which this one was not even tried.
         */
        private void noteDoubt(CommitException e) {
            if (Stream.of(e.getCause().getSuppressed()).anyMatch(FailingFilesTest::isNotInvalidated)) {
                inDoubt = stored.clone();
            } else if (!isNotInvalidated(e)) {
                inDoubt = null;
            }
        }

        private void rollBack(OpenRegion region) {
            try {
                region.rollback();
                stored = committed.clone();
                inDoubt = null;
                assertArrayEquals(committed, content(region));
            } catch (RegionException e) {
                assertSaysWhatToDo(e);
                assertArrayEquals(stored, content(region), "refused, so nothing was rolled back");
            }
        }

        private byte[] content(OpenRegion region) {
            byte[] bytes = new byte[SIZE];
            region.buffer(0, SIZE).get(bytes);
            return bytes;
        }

        private void assertSaysWhatToDo(RegionException e) {
            String message = e.getMessage();
            assertTrue(message.contains("region 'orders'"), message);
            assertTrue(store.failed.stream().anyMatch(path -> message.contains(path.toString())), message);
            assertTrue(message.contains("free space") || message.contains("check it"), message);
        }

        /** On files that do not fail any more. */
        private void recovers() {
            Regions regions = host.runtime(new FailingStore(Integer.MAX_VALUE, 0, 0));
            try {
                OpenRegion region = open(regions);
                if (inDoubt != null && region.status().epoch() == epoch + 1) {
                    epoch++;
                    committed = inDoubt;
                }
                assertEquals(epoch, region.status().epoch());
                assertArrayEquals(committed, content(region));
                stored = committed.clone();
                storeSomething(region, COMMITS + 1);
                assertEquals(epoch + 1, region.commit());
            } finally {
                regions.stop();
            }
        }
    }

    private static boolean isNotInvalidated(Throwable e) {
        return e.getMessage().contains("cannot be invalidated");
    }

    @ParameterizedTest
    @ValueSource(strings = {"dirty-bit", "write-protect"})
    void aRegionWhoseFilesFailGoesOnOrRefusesAndLosesNothing(String strategy) {
        FailingStore faultless = new FailingStore(Integer.MAX_VALUE, 0, 0);
        new Life(strategy, folder.resolve("faultless"), faultless, false).live();
        int calls = faultless.calls.get();
        assertTrue(calls > 60, calls + " calls");
        List<Integer> times = List.of(1, 2, Integer.MAX_VALUE);
        List<Integer> errors = List.of(Errno.EIO, Errno.ENOSPC);
        for (int at = 0; at < calls; at++) {
            int howOften = times.get(at % times.size());
            int errno = errors.get(at / times.size() % errors.size());
            String life = at + "-" + howOften + "-" + errno;
            try {
                new Life(strategy, folder.resolve(life), new FailingStore(at, howOften, errno), at % 4 == 1).live();
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("fault at call " + at + ", " + howOften + " times, errno " + errno, e);
            }
        }
    }
}
