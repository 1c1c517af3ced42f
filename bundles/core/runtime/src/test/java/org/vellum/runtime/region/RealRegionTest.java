// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.osgi.framework.BundleContext;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.api.Section;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.registry.Regions;
import org.vellum.runtime.services.PhaseObservers;
import org.vellum.runtime.testing.Bench;
import org.vellum.runtime.testing.FakeProviders;
import org.vellum.runtime.testing.HostProviders;
import org.vellum.store.file.FileStore;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The runtime on the real core, the real providers and files. */
class RealRegionTest {
    private static final int SIZE = 1 << 20;
    private static final int EPOCHS = 30;

    private static HostProviders host;

    @TempDir
    Path folder;

    private Regions regions;
    private FileStore store;

    @BeforeAll
    static void loadNativeCode() {
        host = new HostProviders();
    }

    @AfterAll
    static void releaseNativeCode() {
        host.close();
    }

    @BeforeEach
    void startRuntime() {
        store = fileStore(folder);
        regions = host.runtime(store);
    }

    @AfterEach
    void stopRuntime() {
        regions.stop();
    }

    private static FileStore fileStore(Path folder) {
        BundleContext noProperties = (BundleContext) Proxy.newProxyInstance(
                RealRegionTest.class.getClassLoader(),
                new Class<?>[] {BundleContext.class},
                (proxy, method, arguments) -> null);
        return new FileStore(host.core, noProperties, Map.of("directory", folder.toString()));
    }

    private OpenRegion open(String strategy) {
        return regions.open("orders", RegionOptions.size(SIZE).withStrategy(strategy), Bench.OWNER);
    }

    private static byte[] content(OpenRegion region) {
        byte[] bytes = new byte[SIZE];
        region.buffer(0, SIZE).get(bytes);
        return bytes;
    }

    @ParameterizedTest
    @ValueSource(strings = {"dirty-bit", "write-protect"})
    void whatWasCommittedIsThereAgainAtTheSameAddressAndTheRestIsGone(String strategy) {
        OpenRegion region = open(strategy);
        long address = region.address();
        ByteBuffer buffer = region.buffer(0, SIZE);
        buffer.putLong(8, 42);
        buffer.putLong(SIZE - 8, 43);
        assertEquals(1, region.commit());
        buffer.putLong(8, 99);
        RegionStatus status = region.status();
        region.close();

        OpenRegion again = open(strategy);

        assertEquals(address, again.address());
        assertEquals(42, again.buffer(8, 8).getLong());
        assertEquals(43, again.buffer(SIZE - 8, 8).getLong());
        assertEquals(1, again.status().epoch());
        assertEquals(2, status.dirtyPages());
        assertEquals(128, status.changedBytes());
        assertTrue(status.loggedBytes() > 0 && status.logSize() > 0, status.toString());
        assertTrue(status.workingBytes() > 0, status.toString());
        assertTrue(status.lastGateNanoseconds() > 0, status.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"dirty-bit", "write-protect"})
    void randomStoresCommitsAndRollbacksAgreeWithAModel(String strategy) {
        Random random = new Random(7);
        byte[] committed = new byte[SIZE];
        byte[] current = committed.clone();
        OpenRegion region = open(strategy);
        for (int step = 0; step < 60; step++) {
            ByteBuffer buffer = region.buffer(0, SIZE);
            for (int i = 0; i < 200; i++) {
                int offset = random.nextInt(SIZE);
                byte value = (byte) random.nextInt(4);
                buffer.put(offset, value);
                current[offset] = value;
            }
            switch (random.nextInt(4)) {
                case 0 -> {
                    region.rollback();
                    current = committed.clone();
                }
                case 1 -> {
                    region.close();
                    region = open(strategy);
                    current = committed.clone();
                }
                default -> {
                    region.commit();
                    committed = current.clone();
                }
            }
            assertArrayEquals(current, content(region), "after step " + step);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dirty-bit", "write-protect"})
    @SuppressWarnings("try") // the section is held, not called
    void transfersInSectionsKeepTheSumInEveryCommittedState(String strategy) throws Exception {
        OpenRegion region = open(strategy);
        int accounts = SIZE / 4096;
        AtomicBoolean stop = new AtomicBoolean();
        List<Bench.Call<Object>> writers = new ArrayList<>();
        for (int thread = 0; thread < 3; thread++) {
            Random random = new Random(thread);
            int lane = thread * 8;
            writers.add(Bench.inAnotherThread(() -> {
                ByteBuffer buffer = region.buffer(0, SIZE);
                while (!stop.get()) {
                    int from = random.nextInt(accounts) * 4096 + lane;
                    int to = random.nextInt(accounts) * 4096 + lane;
                    try (Section section = region.section()) {
                        buffer.putLong(from, buffer.getLong(from) - 1);
                        buffer.putLong(to, buffer.getLong(to) + 1);
                    }
                }
                return null;
            }));
        }
        long last = 0;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (last < EPOCHS && System.nanoTime() < deadline) { // commits of nothing may come before the threads begin
            last = region.commit();
        }
        stop.set(true);
        writers.forEach(Bench.Call::value);
        region.close();

        OpenRegion again = open(strategy);

        assertTrue(last >= EPOCHS, "epoch " + last);
        assertEquals(last, again.status().epoch());
        for (int lane = 0; lane < 24; lane += 8) {
            long sum = 0;
            for (int account = 0; account < accounts; account++) {
                sum += again.buffer(account * 4096L + lane, 8).getLong();
            }
            assertEquals(0, sum, "lane " + lane);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dirty-bit", "write-protect"})
    void readFullyIsTrackedAndWriteFullyGivesItBack(String strategy) throws IOException {
        byte[] bytes = new byte[SIZE - 4096];
        new Random(3).nextBytes(bytes);
        Path source = Files.write(folder.resolve("source"), bytes);
        OpenRegion region = open(strategy);
        try (FileChannel channel = FileChannel.open(source)) {
            region.readFully(channel, 100, bytes.length);
        }
        region.commit();
        region.close();

        OpenRegion again = open(strategy);
        Path target = folder.resolve("target");
        try (FileChannel channel = FileChannel.open(target, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            again.writeFully(channel, 100, bytes.length);
        }

        assertArrayEquals(bytes, Files.readAllBytes(target));
    }

    @Test
    void activityKnowsThePagesOfEachEpoch() {
        try (OpenRegion region = regions.open("warm", RegionOptions.size(SIZE).withDirectory(folder), () -> "test")) {
            region.buffer(7 * 4096, 4096).putLong(8, 1);
            region.buffer(200 * 4096, 8192).put(new byte[8192]).putLong(0, 1).putLong(8184, 1);
            region.commit();
            region.buffer(7 * 4096 + 512, 8).putLong(0, 2);
            region.commit();
            long[] lastWritten = region.activity().heat(256).lastWritten();
            for (int page = 0; page < 256; page++) {
                assertEquals(page == 7 ? 2 : page == 200 || page == 201 ? 1 : 0, lastWritten[page], "page " + page);
            }
            assertEquals(
                    List.of(1L, 2L),
                    region.activity().commits().stream()
                            .map(commit -> commit.epoch())
                            .toList());
        }
    }

    @Test
    void atomicallyRollsBackRealMemory() {
        OpenRegion region = open("auto");
        region.buffer(0, 8).putLong(1);
        region.commit();

        assertThrows(
                IllegalStateException.class,
                () -> region.atomically(() -> {
                    region.buffer(0, 8).putLong(2);
                    region.buffer(8192, 8).putLong(3);
                    throw new IllegalStateException("no");
                }));

        assertEquals(1, region.buffer(0, 8).getLong());
        assertEquals(0, region.buffer(8192, 8).getLong());
    }

    @Test
    void aRegionGoesOnWhenItsStrategyLeavesAndWhenNoneIsLeft() {
        OpenRegion region = open("auto");
        region.buffer(0, 8).putLong(1);
        region.commit();
        region.buffer(4096, 8).putLong(2);

        regions.providerLeaves(Axis.STRATEGY, host.dirtyBit);
        region.buffer(8192, 8).putLong(3);
        regions.providerLeaves(Axis.STRATEGY, host.writeProtect);

        assertEquals(RegionStatus.State.DEGRADED, region.status().state());
        region.buffer(1 << 17, 8).putLong(4);
        region.commit();
        region.buffer(0, 8).putLong(5);
        region.rollback();
        region.close();
        regions.providerArrived(
                Axis.STRATEGY, host.dirtyBit, FakeProviders.properties(Strategy.PROPERTY, "dirty-bit", 10, 3));
        OpenRegion again = open("auto");
        assertEquals(1, again.buffer(0, 8).getLong());
        assertEquals(2, again.buffer(4096, 8).getLong());
        assertEquals(3, again.buffer(8192, 8).getLong());
        assertEquals(4, again.buffer(1 << 17, 8).getLong());
    }

    @Test
    void aRegionGoesOnWithoutItsStoreAndWithItsImageWhenTheStoreIsBack() {
        OpenRegion region = open("auto");
        region.buffer(0, 8).putLong(1);
        region.buffer(1 << 19, 8).putLong(10);
        region.commit();
        region.close();
        region = open("auto");
        region.buffer(0, 8).putLong(2);
        region.commit();
        region.buffer(0, 8).putLong(3);

        regions.providerLeaves(Axis.STORE, store);

        region.buffer((1 << 19) + 8, 8).putLong(11); // its block is cold: read from the home image now
        assertEquals(10, region.buffer(1 << 19, 8).getLong());
        assertThrows(ProviderMissingException.class, region::commit);
        FileStore another = fileStore(folder);
        String busy = assertThrows(
                        RegionBusyException.class,
                        () -> another.open(new Store.Request("orders", null, 0, 0), new PhaseObservers()))
                .getMessage();
        assertTrue(busy.contains("orders"), busy);
        region.rollback();
        assertEquals(2, region.buffer(0, 8).getLong());
        assertEquals(0, region.buffer((1 << 19) + 8, 8).getLong());
        region.buffer(8, 8).putLong(4);

        regions.providerArrived(Axis.STORE, another, FakeProviders.properties(Store.PROPERTY, "file", 0, 6));

        assertEquals(RegionStatus.State.OPEN, region.status().state());
        assertEquals(3, region.commit());
        region.close();
        OpenRegion again = open("auto");
        assertEquals(2, again.buffer(0, 8).getLong());
        assertEquals(4, again.buffer(8, 8).getLong());
        assertEquals(10, again.buffer(1 << 19, 8).getLong());
    }
}
