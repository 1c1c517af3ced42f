// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.container;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.vellum.api.Region;
import org.vellum.api.RegionClosedException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus.State;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

/**
 * The runtime, or the native core under it, stops while regions are open and threads store to them: as in a crash, but
 * that the process goes on.
 */
@RunWith(ContainerRunner.class)
@ExamReactorStrategy(PerClass.class)
public class StoppedRuntimeIT extends FelixTest {
    private static final long PATIENCE_MILLISECONDS = 200_000;
    private static final int SIZE = 1 << 20;
    private static final int THREADS = 4;
    /** Where a thread's number times this is, it stores; before the first of these is what is committed. */
    private static final int STRIDE = SIZE / (THREADS + 1);

    private static final Path FOLDER = Path.of(System.getProperty("vellum.directory", "."));

    @Test
    public void stoppingTheRuntime() throws Exception {
        stopUnderStores("org.vellum.runtime", "host");
    }

    @Test
    public void stoppingTheNativeCore() throws Exception {
        log.expect("goes on with"); // without the native core there is no store either, and that may go first
        stopUnderStores("org.vellum.nativelib", "host");
    }

    @Test
    @NeedsGuestMode
    public void stoppingTheRuntimeWithThreadsInGuestMode() throws Exception {
        log.expect("waits"); // the configured region, where the runtime meets the host's VMM first
        stopUnderStores("org.vellum.runtime", "kvm");
    }

    private void stopUnderStores(String bundle, String vmm) throws Exception {
        String name = "stopped-" + bundle + "-" + vmm;
        var configuration =
                configurations.getFactoryConfiguration(RegionManager.CONFIGURATION_PID, "configured-" + name, "?");
        configuration.update(new Hashtable<>(Map.of("size", "1 MiB", "vmm", vmm)));
        RegionOptions options = RegionOptions.size(SIZE).withVmm(vmm);
        for (long round = 1; round <= 3; round++) {
            List<Region> open = List.of(regions().open(name, options), configured(name));
            List<CompletableFuture<Void>> writers = new ArrayList<>();
            for (Region region : open) {
                ByteBuffer buffer = region.buffer(0, SIZE);
                assertEquals(round - 1, buffer.getLong(0));
                for (int thread = 1; thread <= THREADS; thread++) {
                    assertEquals("an uncommitted store came back", 0, buffer.getLong(thread * STRIDE));
                }
                buffer.putLong(0, round);
                region.commit();
                buffer.putLong(0, -1);
                writers.addAll(startWriters(buffer));
            }
            assertHeld(open);

            bundle(bundle).stop();

            for (CompletableFuture<Void> writer : writers) {
                Throwable end = writer.handle((nothing, failure) -> failure.getCause())
                        .get(PATIENCE_MILLISECONDS, TimeUnit.MILLISECONDS);
                assertEquals(InternalError.class, end.getClass());
            }
            assertLetGo(open);
            bundle(bundle).start();
        }
        for (Region region : List.of(regions().open(name, options), configured(name))) {
            assertEquals(3, region.buffer(0, SIZE).getLong(0));
            assertEquals(3, region.status().epoch());
            region.close();
        }
        configuration.delete();
    }

    private Region configured(String name) throws Exception {
        return await(Region.class, "(" + Region.NAME_PROPERTY + "=configured-" + name + ")");
    }

    /** Threads that store until the buffer does not let them any more, each in an area of its own; all have begun. */
    private static List<CompletableFuture<Void>> startWriters(ByteBuffer buffer) throws Exception {
        List<CompletableFuture<Void>> writers = new ArrayList<>();
        for (int thread = 1; thread <= THREADS; thread++) {
            int start = thread * STRIDE;
            writers.add(CompletableFuture.runAsync(() -> store(buffer, start), task -> new Thread(task, "w").start()));
            Await.until("a store", () -> buffer.getLong(start) != 0);
        }
        return writers;
    }

    private static void store(ByteBuffer buffer, int start) {
        for (long count = 1; ; count++) {
            for (int place = start; place <= start + STRIDE - Long.BYTES; place += 4096) {
                buffer.putLong(place, count);
            }
        }
    }

    private static void assertHeld(List<Region> open) throws Exception {
        assertFalse(descriptors().isEmpty());
        assertFalse(mappings(FOLDER.toString()).isEmpty());
        for (Region region : open) {
            assertNull(region + " is not locked", tryLock(region));
        }
    }

    private static void assertLetGo(List<Region> closed) throws Exception {
        assertEquals(List.of(), descriptors());
        assertEquals(List.of(), mappings(FOLDER.toString()));
        for (Region region : closed) {
            assertNotNull(region + " is locked", tryLock(region));
            assertEquals(State.CLOSED, region.status().state());
            assertTrue(assertThrows(RegionClosedException.class, region::commit)
                    .getMessage()
                    .contains(region.name()));
            String address = Long.toHexString(region.status().address());
            assertTrue(
                    "0x" + address + " is not reserved",
                    mappings("memfd:vellum-retired").stream().anyMatch(line -> line.startsWith(address)));
        }
    }

    /** Released at once; null: somebody has the image. */
    private static FileLock tryLock(Region region) throws IOException {
        try (FileChannel home = FileChannel.open(FOLDER.resolve(region.name() + ".vellum"), StandardOpenOption.WRITE)) {
            return home.tryLock();
        }
    }

    private static List<String> descriptors() throws IOException {
        List<String> files = new ArrayList<>();
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            for (Path link : links.toList()) {
                if (Files.isSymbolicLink(link)) { // not the listing's own, which is gone
                    files.add(Files.readSymbolicLink(link).toString());
                }
            }
        }
        files.removeIf(file -> !file.startsWith(FOLDER.toString()));
        return files;
    }

    private static List<String> mappings(String of) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> line.contains(of))
                .toList();
    }
}
