// SPDX-License-Identifier: Apache-2.0
package org.vellum.test.stack;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Hashtable;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.service.event.Event;
import org.osgi.service.event.EventConstants;
import org.osgi.service.event.EventHandler;
import org.vellum.api.AddressTakenException;
import org.vellum.api.CommitException;
import org.vellum.api.Region;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.RegionStatus;
import org.vellum.test.tool.Folders;
import org.vellum.test.tool.Skip;
import org.vellum.test.tool.Stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.vellum.test.stack.Messages.assertNames;

/** What happens to a region's files while it is open, and what media they are on: a sentence, never a signal. */
class MediaIT {
    private static final int PAGE = 4096;
    private static final int SIZE = 8 << 20;
    /** Pages with content, in a row from the first one; all others are holes in a sparse copy. */
    private static final int WRITTEN = 64;

    private static final long PATIENCE_SECONDS = 600;

    private static Stack stack;

    @TempDir
    Path folder;

    @BeforeAll
    static void start() {
        stack = Stack.startEmulatingDax();
    }

    @AfterAll
    static void stop() {
        if (stack != null) {
            stack.close();
        }
    }

    private static Region open(String name, RegionOptions options) {
        return stack.regions().open(name, options);
    }

    private static void storeToEveryPage(Region region, long value) {
        ByteBuffer all = region.buffer(0, SIZE);
        for (int page = 0; page < SIZE / PAGE; page++) {
            all.putLong(page * PAGE, value + page);
            all.putLong(page * PAGE + PAGE / 2, value - page);
        }
    }

    // Room

    @ParameterizedTest
    @CsvSource({
        "tmpfs,file,dirty-bit",
        "tmpfs,dax,write-protect",
        "ext4,dax,dirty-bit",
        "ext4,dax,write-protect",
        "xfs,dax,dirty-bit",
        "btrfs,dax,write-protect"
    })
    void aSparseImageOnAFullDiskIsRefusedAndOpensWhenThereIsRoom(String fileSystem, String store, String strategy)
            throws Exception {
        String test = "aSparseImageOnAFullDiskIsRefusedAndOpensWhenThereIsRoom on " + fileSystem;
        String obstacle = Mount.obstacle(fileSystem).orElse(null);
        Skip.unless(obstacle == null, test, obstacle);
        try (Mount mount = Mount.mountFile(folder.resolve("small"), fileSystem)) {
            Path regions = mount.point().resolve("regions");
            RegionOptions options = RegionOptions.size(SIZE)
                    .withDirectory(regions)
                    .withStore(store)
                    .withStrategy(strategy);
            try (Region region = open("sparse", options)) {
                for (int page = 0; page < WRITTEN; page++) {
                    region.buffer(page * PAGE, 8).putLong(0, page + 1);
                }
                region.commit();
            }
            makeSparse(regions);
            Path filler = fill(mount.point());
            RegionException refusal = assertThrows(RegionException.class, () -> open("sparse", options));
            assertNames(refusal, "sparse", regions.toString(), "no space left on device", "free space");
            Files.delete(filler);
            try (Region region = open("sparse", options)) {
                for (int page = 0; page < WRITTEN; page++) {
                    assertEquals(page + 1, region.buffer(page * PAGE, 8).getLong(0));
                }
                assertEquals(0, region.buffer(WRITTEN * PAGE, 8).getLong(0));
                Path again = fill(mount.point());
                storeToEveryPage(region, 1000);
                commitOrSay(region, regions);
                Files.delete(again);
                region.commit();
                assertEquals(1000 + 77, region.buffer(77 * PAGE, 8).getLong(0));
            }
        }
    }

    /** The log may have to grow for an epoch as large as the region. */
    private static void commitOrSay(Region region, Path regions) {
        try {
            region.commit();
        } catch (CommitException e) {
            assertNames(e, "sparse", regions.toString(), "no space left on device");
        }
        assertEquals(RegionStatus.State.OPEN, region.status().state());
    }

    /** Btrfs writes changes to a new place, and so needs room for each, unless it is told not to when a file is made. */
    @ParameterizedTest
    @CsvSource({"file,dirty-bit", "file,write-protect", "dax,dirty-bit", "dax,write-protect"})
    void onAFullBtrfsARegionCommitsRollsBackAndOpens(String store, String strategy) throws Exception {
        String obstacle = Mount.obstacle("btrfs").orElse(null);
        Skip.unless(obstacle == null, "onAFullBtrfsARegionCommitsRollsBackAndOpens", obstacle);
        try (Mount mount = Mount.mountFile(folder.resolve("small"), "btrfs")) {
            RegionOptions options = RegionOptions.size(SIZE)
                    .withDirectory(mount.point().resolve("regions"))
                    .withLogSize(8 << 20)
                    .withStore(store)
                    .withStrategy(strategy);
            try (Region region = open("sparse", options)) {
                storeToEveryPage(region, 5);
                region.commit();
                fill(mount.point());
                for (int round = 1; round <= 20; round++) { // more than the log holds
                    for (int page = 0; page < 200; page++) {
                        region.buffer(page * PAGE, 8).putLong(0, round);
                    }
                    region.commit();
                }
                region.buffer(0, 8).putLong(0, 99);
                region.rollback();
            }
            for (int opening = 0; opening < 3; opening++) {
                try (Region region = open("sparse", options)) {
                    assertEquals(20, region.buffer(0, 8).getLong(0));
                    assertEquals(5 + 1000, region.buffer(1000 * PAGE, 8).getLong(0));
                }
            }
        }
    }

    private static void makeSparse(Path folder) throws Exception {
        for (Path file : Folders.files(folder)) {
            Path copy = file.resolveSibling("copy");
            run("cp", "--sparse=always", "--reflink=never", file.toString(), copy.toString());
            Files.move(copy, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        }
        run("sync", "-f", folder.toString());
    }

    private static void run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
    }

    /** Takes every byte that is left. */
    private static Path fill(Path fileSystem) throws IOException, InterruptedException {
        Path filler = fileSystem.resolve("filler");
        try (FileChannel channel = FileChannel.open(filler, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (int step : new int[] {1 << 20, PAGE, 1}) {
                try {
                    while (true) {
                        channel.write(ByteBuffer.allocate(step));
                    }
                } catch (IOException e) {
                    // full for steps of this size
                }
            }
        }
        return filler;
    }

    // Files that go

    private static BlockingQueue<String> damagedEvents() {
        BlockingQueue<String> messages = new LinkedBlockingQueue<>();
        Hashtable<String, Object> properties = new Hashtable<>();
        properties.put(EventConstants.EVENT_TOPIC, RegionEvents.DAMAGED);
        EventHandler handler = (Event event) -> messages.add((String) event.getProperty(RegionEvents.MESSAGE));
        stack.context().registerService(EventHandler.class, handler, properties);
        return messages;
    }

    private RegionOptions here(Path directory) {
        return RegionOptions.size(1 << 20).withDirectory(directory);
    }

    @ParameterizedTest
    @ValueSource(strings = {"delete", "rename the folder", "delete the logs", "replace"})
    void filesThatGoUnderAnOpenRegionFailItsCommits(String what) throws Exception {
        Path regions = folder.resolve("regions");
        try (Region region = open("gone", here(regions))) {
            region.buffer(0, 8).putLong(0, 41);
            long epoch = region.commit();
            BlockingQueue<String> events = damagedEvents();
            take(regions, what);
            region.buffer(0, 8).putLong(0, 42);
            for (int attempt = 0; attempt < 2; attempt++) {
                CommitException failure = assertThrows(CommitException.class, region::commit);
                assertNames(
                        failure,
                        "gone",
                        regions.toString(),
                        what.equals("replace") ? "replaced" : "deleted or renamed");
                assertEquals(epoch, region.status().epoch());
            }
            assertEquals(RegionStatus.State.DEGRADED, region.status().state());
            assertTrue(
                    region.status().remarks().stream().anyMatch(remark -> remark.contains(regions.toString())),
                    region.status().remarks()::toString);
            String message = events.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertTrue(message != null && message.contains("gone"), message);
            region.rollback();
            assertEquals(41, region.buffer(0, 8).getLong(0));
        }
        if (what.equals("delete the logs")) {
            try (Region region = open("gone", here(regions))) {
                assertEquals(41, region.buffer(0, 8).getLong(0));
                region.commit();
            }
        }
    }

    private static void take(Path regions, String what) throws IOException {
        switch (what) {
            case "rename the folder" -> Files.move(regions, regions.resolveSibling("away"));
            case "replace" -> {
                Path copy = regions.resolve("copy");
                Files.copy(regions.resolve("gone.vellum"), copy);
                Files.move(copy, regions.resolve("gone.vellum"), StandardCopyOption.ATOMIC_MOVE);
            }
            default -> {
                for (Path file : new ArrayList<>(Folders.files(regions))) {
                    if (what.equals("delete") || file.toString().contains("-log")) {
                        Files.delete(file);
                    }
                }
            }
        }
    }

    @Test
    void filesThatAreBackAreCommittedToAgain() throws Exception {
        Path regions = folder.resolve("regions");
        long epoch;
        try (Region region = open("gone", here(regions))) {
            region.buffer(0, 8).putLong(0, 41);
            region.commit();
            Files.move(regions, folder.resolve("away"));
            region.buffer(0, 8).putLong(0, 42);
            assertThrows(CommitException.class, region::commit);
            Files.move(folder.resolve("away"), regions);
            epoch = region.commit();
            assertEquals(RegionStatus.State.OPEN, region.status().state());
        }
        try (Region region = open("gone", here(regions))) {
            assertEquals(epoch, region.status().epoch());
            assertEquals(42, region.buffer(0, 8).getLong(0));
        }
    }

    /** Written in place, a commit makes no call to its files: it looks for them all the same. */
    @Test
    void soIsARegionThatIsWrittenInPlace() throws Exception {
        Path regions = folder.resolve("regions");
        try (Region region = open("gone", here(regions).withStore("dax").withStrategy("write-protect"))) {
            region.buffer(0, 8).putLong(0, 41);
            region.commit();
            for (String file : List.of("gone.vellum", "gone.vellum-undo")) {
                Files.move(regions.resolve(file), folder.resolve("away"));
                region.buffer(0, 8).putLong(0, 42);
                assertNames(assertThrows(CommitException.class, region::commit), "gone", file);
                Files.move(folder.resolve("away"), regions.resolve(file));
                region.commit();
            }
        }
    }

    // Copies

    @SuppressWarnings("rawtypes")
    private static ToIntFunction<List<String>> verify() throws InvalidSyntaxException, InterruptedException {
        Collection<ServiceReference<ToIntFunction>> found = List.of();
        // regions can be opened before the last bundle is there; the end is a limit against hanging
        for (int tries = 0; found.isEmpty() && tries < 600; tries++) {
            Thread.sleep(100);
            found = stack.context().getServiceReferences(ToIntFunction.class, "(vellum.application=verify)");
        }
        ServiceReference<ToIntFunction> reference = found.iterator().next();
        @SuppressWarnings("unchecked")
        ToIntFunction<List<String>> application = stack.context().getService(reference);
        return application;
    }

    @Test
    void aCopyBesideItsOpenOriginalIsRefusedWithAWayOutThatWorks() throws Exception {
        RegionOptions options = here(folder);
        try (Region region = open("template", options)) {
            region.buffer(0, 8).putLong(0, 7);
            region.commit();
        }
        for (String suffix : List.of("", "-log0", "-log1")) {
            Files.copy(folder.resolve("template.vellum" + suffix), folder.resolve("customer.vellum" + suffix));
        }
        try (Region original = open("template", options)) {
            AddressTakenException refusal = assertThrows(AddressTakenException.class, () -> open("customer", options));
            Path copy = folder.resolve("customer.vellum");
            assertNames(
                    refusal,
                    "customer",
                    folder.resolve("template.vellum").toString(),
                    "Close that region first",
                    "./vellum verify " + copy + " --new-identity");
            assertFalse(refusal.getMessage().contains("start the JVM again"), refusal.getMessage());
            assertEquals(0, verify().applyAsInt(List.of("--new-identity", copy.toString())));
            try (Region own = open("customer", options)) {
                assertEquals(7, own.buffer(0, 8).getLong(0));
                assertNotEquals(original.address(), own.address());
                own.buffer(0, 8).putLong(0, 8);
                own.commit();
                assertEquals(7, original.buffer(0, 8).getLong(0));
            }
        }
        try (Region again = open("customer", options)) {
            assertEquals(8, again.buffer(0, 8).getLong(0));
        }
    }

    // Secrets

    @ParameterizedTest
    @ValueSource(strings = {"file", "dax"})
    void theFilesOfARegionBelongToItsOwnerAlone(String store) throws Exception {
        Path regions = folder.resolve("made").resolve("regions");
        try (Region region = open("secret", here(regions).withStore(store).withStrategy("write-protect"))) {
            region.buffer(0, 8).putLong(0, 1);
            region.commit();
            assertOwnersAlone(regions);
        }
        Path log = regions.resolve("secret.vellum-log0");
        Path home = regions.resolve("secret.vellum");
        Files.setPosixFilePermissions(log, PosixFilePermissions.fromString("rw-r--r--"));
        Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rw-r-----"));
        try (Region region = open("secret", here(regions).withStore(store))) {
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(log)));
            assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(home)), "a choice");
            assertTrue(
                    region.status().remarks().stream()
                            .anyMatch(remark -> remark.contains("everybody could read " + log)),
                    region.status().remarks()::toString);
        }
    }

    private void assertOwnersAlone(Path regions) throws IOException {
        for (Path file : Folders.files(regions)) {
            assertEquals(
                    "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)), file.toString());
        }
        for (Path made : List.of(regions, regions.getParent())) {
            assertEquals(
                    "rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(made)), made.toString());
        }
    }
}
