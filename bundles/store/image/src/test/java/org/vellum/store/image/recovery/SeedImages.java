// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.recovery;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.vellum.api.CommitException;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.Errno;
import org.vellum.store.image.BatchBuilder;
import org.vellum.store.image.Images;
import org.vellum.store.image.TestStore;
import org.vellum.store.image.format.Holder;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.FaultyFiles;
import org.vellum.store.image.medium.FaultyFiles.Kind;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;

/**
 * One region at many moments of its life: what mutations begin with. The same bytes in every run, so that a kept
 * mutation means the same in each: the identity, which is random, is replaced by a constant and what it is part of is
 * sealed again.
 */
final class SeedImages {
    /** @param committed content by epoch, as far as the region came in its life, at this moment and later */
    record Seed(String name, FaultyFiles files, List<byte[]> committed, long epoch) {}

    static final ImageFiles NAMES = new ImageFiles(Path.of("/fuzz"), TestStore.REGION);
    static final long IDENTITY = 0x1D1D1D1D_2E2E2E2EL;
    private static final long OPENING = 0x3F3F_3F3F_4A4A_4A4AL;
    private static final Logger STORE_LOGGER = Logger.getLogger("org.vellum.store.image");
    private static final long ADDRESS = 0x40_0000_0000L;
    private static final int VERSION_ONE_EPOCHS = 30;

    private final List<Seed> seeds = new ArrayList<>();
    private final List<byte[]> committed = new ArrayList<>(List.of(new byte[(int) TestStore.SIZE]));
    private FaultyFiles files = new FaultyFiles(NAMES.directory());
    private StoreImage image;

    private SeedImages() {}

    static List<Seed> make() {
        STORE_LOGGER.setLevel(Level.OFF); // a warning for every fault on the way, and for every one in a mutation
        SeedImages maker = new SeedImages();
        maker.live();
        maker.inPlace();
        maker.addVersionOne("version-1-closed");
        maker.addVersionOne("version-1-in-use");
        return List.copyOf(maker.seeds);
    }

    static StoreImage open(FaultyFiles files) {
        return Images.open(
                Cores.CORE,
                files,
                NAMES,
                new Store.Request(TestStore.REGION, NAMES.directory(), 0, 0),
                TestStore.IGNORE);
    }

    private void live() {
        image = Images.open(
                Cores.CORE,
                files,
                NAMES,
                new Store.Request(TestStore.REGION, NAMES.directory(), TestStore.SIZE, TestStore.LOG_SIZE),
                TestStore.IGNORE);
        image.recordAddress(ADDRESS);
        add("new, in use");
        image.close();
        add("new, closed");
        image = open(files);
        commit(new BatchBuilder().line(0, 0, 1));
        commit(new BatchBuilder().line(0, 0, 2).line(5, 1, 2).line(7, 63, 2));
        add("two epochs in the log");
        kill();
        add("recovered");
        for (int i = 3; i < 7; i++) {
            commit(new BatchBuilder().line(i, 0, i).line(i % 3, i, i));
        }
        add("six epochs");
        image.close();
        add("closed at six");
        image = open(files);
        // The trimmer fails, so both segments stay live.
        files.hook((index, call) -> call.kind() == Kind.WRITE && call.path().equals(NAMES.home()) ? Errno.EIO : 0);
        for (int i = 7; i < 11; i++) {
            BatchBuilder half = new BatchBuilder();
            for (int line = 0; line < 20; line++) {
                half.line((i + line) % 5, line, i);
            }
            commit(half);
        }
        add("both segments live");
        files.hook(FaultyFiles.Hook.NONE);
        kill();
        // Pages and not the checkpoint: the home image holds lines of epochs that only the log completes.
        commit(new BatchBuilder().page(2, 12));
        files.hook((index, call) -> call.point() == PersistPoint.CHECKPOINT ? Errno.EIO : 0);
        commit(new BatchBuilder().line(1, 1, 13));
        add("home ahead of the checkpoint");
        files.hook((index, call) ->
                call.point() == PersistPoint.BATCH || call.point() == PersistPoint.INVALIDATED_BATCH ? Errno.EIO : 0);
        tryToCommit(new BatchBuilder().line(4, 4, 99).line(4, 5, 99));
        files.hook(FaultyFiles.Hook.NONE);
        add("in doubt");
        kill();
        commit(new BatchBuilder().page(1, 14).page(2, 14).page(3, 14));
        add("grown log");
        commit(new BatchBuilder().line(6, 6, 15));
        files.hook((index, call) -> call.point() == PersistPoint.BATCH ? Errno.ENOSPC : 0);
        tryToCommit(new BatchBuilder().line(4, 4, 98));
        add("failed batch");
        files.hook(FaultyFiles.Hook.NONE);
        image.close();
        add("closed at the end");
        image = null;
    }

    private void commit(BatchBuilder changes) {
        committed.add(changes.appliedTo(committed.get(committed.size() - 1)));
        TestStore.commit(image, changes);
    }

    private void tryToCommit(BatchBuilder changes) {
        try (NativeMemory batch = changes.build()) {
            image.persist(batch.address(), changes.length());
            throw new AssertionError("the fault is missing");
        } catch (CommitException expected) {
            // that is what is wanted
        }
    }

    private void kill() {
        FaultyFiles survivor = files.afterKill();
        files.kill();
        image.close();
        files = survivor;
        image = open(files);
        if (image.epoch() >= committed.size()) {
            committed.add(TestStore.content(image));
        }
    }

    private void add(String name) {
        FaultyFiles machine = files.afterKill();
        replaceIdentity(machine);
        seeds.add(new Seed(name, machine, committed, committed.size() - 1L));
    }

    /** As the native half writes them: see the format's documentation. */
    private void inPlace() {
        Seed closed = seeds.get(seeds.size() - 1);
        FaultyFiles machine = closed.files().afterKill();
        long epoch = closed.epoch();
        for (ImageStructure structure : ImageStructure.all(machine)) {
            if (structure.kind() == ImageStructure.Kind.CHECKPOINT) {
                structure.put(machine, 12, ImageStructure.bytes(2, 4));
                structure.put(machine, 40, ImageStructure.bytes(structure.value(machine, 40, 8) + 1, 8));
                structure.seal(machine);
            }
        }
        machine.put(NAMES.undo(), 0, ImageStructure.bytes(0x4e55_4d55_4c4c_4556L, 8));
        machine.resize(NAMES.undo(), 8192L + TestStore.PAGES * 4096L);
        machine.put(NAMES.undo(), 8, ImageStructure.bytes(Sector.FORMAT_VERSION, 4));
        machine.put(NAMES.undo(), 16, ImageStructure.bytes(IDENTITY, 8));
        machine.put(NAMES.undo(), 24, ImageStructure.bytes(OPENING, 8));
        machine.put(NAMES.undo(), 32, ImageStructure.bytes(TestStore.PAGES, 8));
        machine.put(NAMES.undo(), 64, ImageStructure.bytes(epoch, 8));
        for (ImageStructure structure : ImageStructure.all(machine)) {
            if (structure.kind() == ImageStructure.Kind.UNDO_HEADER
                    || structure.kind() == ImageStructure.Kind.EPOCH_WORD) {
                structure.seal(machine);
            }
        }
        seeds.add(new Seed("in place, nothing stored", machine, committed, epoch));

        machine = machine.afterKill();
        for (int slot = 0; slot < 3; slot++) {
            storeInPlace(machine, slot, slot * 2, epoch + 1, slot + 50);
        }
        seeds.add(new Seed("in place, three pages stored to", machine, committed, epoch));

        machine = machine.afterKill();
        commitInPlace(machine, epoch + 1);
        seeds.add(new Seed("in place, committed", machine, committed, epoch + 1));

        machine = machine.afterKill();
        storeInPlace(machine, 0, 4, epoch + 2, 60);
        storeInPlace(machine, 1, 7, epoch + 2, 61);
        seeds.add(new Seed("in place, stored to again", machine, committed, epoch + 1));

        machine = machine.afterKill();
        byte[] page = machine.content(NAMES.home(), homeOffset(machine) + 5 * 4096L, 4096);
        storeInPlace(machine, 2, 5, epoch + 2, 62);
        machine.put(NAMES.home(), homeOffset(machine) + 5 * 4096L, page); // its store did not go on
        machine.put(NAMES.undo(), 8192 + 2 * 4096L + 100, new byte[] {77});
        seeds.add(new Seed("in place, torn slot", machine, committed, epoch + 1));
    }

    private static long homeOffset(FaultyFiles machine) {
        return ImageStructure.all(machine).get(0).value(machine, 40, 8);
    }

    private static void storeInPlace(FaultyFiles machine, int slot, int page, long epoch, int value) {
        long at = homeOffset(machine) + page * 4096L;
        machine.put(NAMES.undo(), 8192 + slot * 4096L, machine.content(NAMES.home(), at, 4096));
        ImageStructure structure = ImageStructure.all(machine).stream()
                .filter(one -> one.kind() == ImageStructure.Kind.SLOT)
                .skip(slot)
                .findFirst()
                .orElseThrow();
        structure.put(machine, 0, ImageStructure.bytes(0x4950_4d55_4c4c_4556L, 8));
        structure.put(machine, 8, ImageStructure.bytes(page, 8));
        structure.put(machine, 16, ImageStructure.bytes(epoch, 8));
        structure.put(machine, 24, ImageStructure.bytes(slot, 8));
        structure.put(machine, 32, ImageStructure.bytes(OPENING, 8));
        structure.seal(machine);
        byte[] line = new byte[64];
        Arrays.fill(line, (byte) value);
        machine.put(NAMES.home(), at + 640, line);
    }

    private void commitInPlace(FaultyFiles machine, long epoch) {
        byte[] content = machine.content(NAMES.home(), homeOffset(machine), (int) TestStore.SIZE);
        committed.add(content);
        for (int page = 0; page < TestStore.PAGES; page++) {
            ImageMutation.sealPage(machine, page);
        }
        machine.put(NAMES.undo(), 64, ImageStructure.bytes(epoch, 8));
        ImageStructure.all(machine).stream()
                .filter(one -> one.kind() == ImageStructure.Kind.EPOCH_WORD)
                .forEach(word -> word.seal(machine));
    }

    private void addVersionOne(String name) {
        FaultyFiles machine = new FaultyFiles(NAMES.directory());
        try (InputStream resource = SeedImages.class.getResourceAsStream("/" + name + ".zip");
                ZipInputStream zip = new ZipInputStream(resource)) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                putSparsely(machine, NAMES.directory().resolve(entry.getName()), zip.readAllBytes());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        List<byte[]> contents = new ArrayList<>(List.of(new byte[(int) TestStore.SIZE]));
        for (int epoch = 1; epoch <= VERSION_ONE_EPOCHS; epoch++) {
            contents.add(new BatchBuilder()
                    .line(epoch % 8, epoch, epoch)
                    .line(7, 63, epoch)
                    .appliedTo(contents.get(epoch - 1)));
        }
        seeds.add(new Seed(name, machine, contents, VERSION_ONE_EPOCHS));
    }

    private static void putSparsely(FaultyFiles machine, Path path, byte[] bytes) {
        machine.put(path, 0, new byte[0]);
        machine.resize(path, bytes.length);
        for (int at = 0; at < bytes.length; at += FaultyFiles.PAGE) {
            byte[] page = Arrays.copyOfRange(bytes, at, Math.min(at + FaultyFiles.PAGE, bytes.length));
            if (!Arrays.equals(page, new byte[page.length])) {
                machine.put(path, at, page);
            }
        }
    }

    private static void replaceIdentity(FaultyFiles machine) {
        List<ImageStructure> structures = ImageStructure.all(machine);
        for (ImageStructure structure : structures) {
            if (structure.isSealed(machine)) {
                structure.put(machine, structure.identityAt(), ImageStructure.bytes(IDENTITY, 8));
                if (structure.kind() == ImageStructure.Kind.IDENTITY) {
                    structure.put(machine, 64, ImageStructure.bytes(0, 8)); // the time of creation
                }
                structure.seal(machine);
            }
        }
        machine.put(NAMES.home(), Holder.OFFSET, new byte[Sector.SIZE]);
    }
}
