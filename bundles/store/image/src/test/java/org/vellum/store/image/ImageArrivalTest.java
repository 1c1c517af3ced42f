// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.internal.JnaNativeCore;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.format.Whereabouts;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;
import org.vellum.store.image.move.Processes;
import org.vellum.store.image.offline.ImageRepair;
import org.vellum.store.image.offline.OfflineImage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Where the images of a move are opened and where not; {@code MoveSubject} crashes the moves themselves. */
class ImageArrivalTest {
    private static final NativeCore CORE = new JnaNativeCore();
    private static final int PAGES = 16;
    private static final long SIZE = PAGES * (long) NativeCore.PAGE_SIZE;
    private static final PhaseObserver NOBODY = (region, phase) -> {};
    /** Above every process number that the kernel gives out. */
    private static final long NO_PROCESS = 1L << 23;

    @TempDir
    Path folder;

    private final StoreFiles files = new NativeStoreFiles(CORE);

    private ImageFiles names(String where) {
        return new ImageFiles(folder.resolve(where), "orders");
    }

    private static Store.Request request(long size) {
        return new Store.Request("orders", null, size, 0);
    }

    private StoreImage open(String where) {
        return Images.open(CORE, files, names(where), request(0), NOBODY);
    }

    private Place place(String where) {
        return new Place(where, Optional.of(folder.resolve(where)));
    }

    private StoreImage created() {
        StoreImage image = Images.open(CORE, files, names("here"), request(SIZE), NOBODY);
        image.recordAddress(0x100000000000L);
        return image;
    }

    private IncomingImage arrival(StoreImage image, String from, String to) {
        return Images.receive(
                CORE,
                files,
                names(to),
                request(SIZE),
                new Store.Origin(image.identity(), image.address(), place(from)),
                place(to));
    }

    private static void copy(StoreImage image, IncomingImage arrival) {
        arrival.write(0, PAGES, image.committedView());
        arrival.sync();
        arrival.complete(image.epoch());
    }

    @Test
    void untilItsOriginHasDepartedACopyIsNotOpened() {
        StoreImage image = created();
        IncomingImage arrival = arrival(image, "here", "there");
        copy(image, arrival);
        arrival.leave();

        String refusal =
                assertThrows(InvalidRegionException.class, () -> open("there")).getMessage();

        assertTrue(refusal.contains("a copy that a move has left which did not come to its end"), refusal);
        assertTrue(refusal.contains("store 'here', folder " + folder.resolve("here")), refusal);
        image.close();
        open("here").close();
        StoreImage again = open("here");
        IncomingImage next = arrival(again, "here", "there");
        assertTrue(Files.exists(names("there").home())); // replaced when the next one is complete
        assertTrue(Files.exists(names("there").unfinished()));
        next.close();
        again.close();
        assertFalse(Files.exists(names("there").unfinished()));
    }

    @Test
    void fromThenOnItIsAndTheOriginIsNot() {
        StoreImage image = created();
        IncomingImage arrival = arrival(image, "here", "there");
        copy(image, arrival);
        image.depart(place("there"));
        arrival.leave(); // killed
        image.close();

        assertThrows(InvalidRegionException.class, () -> open("here"));
        try (StoreImage there = open("there")) {
            assertEquals(image.identity(), there.identity());
            assertEquals(0x100000000000L, there.address());
        }
        open("there").close();
    }

    private void assertNotOpenedThere() {
        String refusal =
                assertThrows(InvalidRegionException.class, () -> open("there")).getMessage();
        assertTrue(refusal.contains("a copy that a move has left which did not come to its end"), refusal);
    }

    /** A later move from the same folder took another epoch there, and its copy never got its name. */
    @Test
    void aCopyOfAnotherEpochThanTheOriginDepartedWithIsNotOpened() {
        StoreImage image = created();
        IncomingImage arrival = arrival(image, "here", "there");
        arrival.write(0, PAGES, image.committedView());
        arrival.complete(image.epoch() + 1);
        image.depart(place("there"));
        arrival.leave();
        image.close();

        assertNotOpenedThere();
    }

    @Test
    void aCopyWhoseOriginDepartedForAnotherFolderIsNotOpened() throws Exception {
        StoreImage image = created();
        IncomingImage arrival = arrival(image, "here", "there");
        copy(image, arrival);
        Files.createDirectories(folder.resolve("elsewhere"));
        image.depart(place("elsewhere"));
        arrival.leave();
        image.close();

        assertNotOpenedThere();
    }

    /** The origin's files were deleted, and another region of that name has gone the same way since. */
    @Test
    void aCopyIsNotOpenedBecauseAnotherRegionOfItsNameDeparted() throws Exception {
        StoreImage image = created();
        IncomingImage arrival = arrival(image, "here", "there");
        copy(image, arrival);
        arrival.leave();
        image.close();
        Files.delete(names("here").home());
        Files.delete(names("here").log(0));
        Files.delete(names("here").log(1));
        StoreImage other = created();
        assertEquals(image.epoch(), other.epoch());
        other.depart(place("there"));
        other.close();

        assertNotOpenedThere();
    }

    /** Pages are copied while commits go on: one that was written once is not zeros in the file any more. */
    @Test
    void aPageThatBecomesZerosAgainWhileItIsCopiedArrivesAsZeros() {
        StoreImage image = created();
        IncomingImage arrival = arrival(image, "here", "there");
        try (NativeMemory page = new NativeMemory(CORE, NativeCore.PAGE_SIZE)) {
            CORE.memory().view(page.address(), NativeCore.PAGE_SIZE).putLong(8, 4711);
            arrival.write(3, 1, page.address());
            CORE.memory().view(page.address(), NativeCore.PAGE_SIZE).putLong(8, 0);
            arrival.write(3, 1, page.address());
        }
        copy(image, arrival);
        image.depart(place("there"));
        arrival.leave();
        image.close();

        try (StoreImage there = open("there")) {
            assertEquals(
                    0,
                    CORE.memory()
                            .view(there.committedView() + 3 * NativeCore.PAGE_SIZE, 16)
                            .getLong(8));
        }
    }

    /** Whom nobody can ask: that its origin has departed must be on record before the image is opened. */
    @Test
    void fromMemoryItIsTheRegionsOnceItIsOpened() throws Exception {
        StoreImage image = created();
        IncomingImage arrival = Images.receive(
                CORE,
                files,
                names("there"),
                request(SIZE),
                new Store.Origin(image.identity(), image.address(), new Place("memory", Optional.empty())),
                place("there"));
        copy(image, arrival);
        image.depart(place("there"));

        Path away = folder.resolve("away");
        Files.move(names("there").log(0), away);
        Files.createDirectory(names("there").log(0)); // a log that is missing would be made anew
        assertThrows(RegionException.class, () -> arrival.open(NOBODY)); // here: any failure
        arrival.close();
        Files.delete(names("there").log(0));
        Files.move(away, names("there").log(0));
        open("there").close();
    }

    @Test
    void aFolderMayHaveBeenReachedByAnotherName() throws Exception {
        StoreImage image = created();
        IncomingImage arrival = arrival(image, "here", "there");
        copy(image, arrival);
        image.depart(place("there"));
        arrival.leave();
        image.close();
        Files.createSymbolicLink(folder.resolve("link"), folder.resolve("there"));

        open("link").close();
    }

    @Test
    void anArrivingImageIsNobodysUntilItIsWhole() {
        StoreImage image = created();
        IncomingImage arrival = arrival(image, "here", "there");
        arrival.write(0, PAGES / 2, image.committedView());

        assertThrows(InvalidRegionException.class, () -> open("there"));
        assertThrows(RegionBusyException.class, () -> arrival(image, "here", "there"));
        arrival.close();
        image.close();
        assertFalse(Files.exists(names("there").log(0)));
    }

    private void departToMemoryOf(long process) throws FileFailure {
        StoreImage image = created();
        image.depart(new Place("memory", Optional.empty()));
        image.close();
        try (StoreFile home = files.open(names("here").home(), false);
                NativeMemory memory = new NativeMemory(CORE, NativeCore.PAGE_SIZE)) {
            Whereabouts written = HomeImage.readWhereabouts(CORE, home, "orders");
            Whereabouts.ProcessIdentity self = written.process();
            HomeImage.writeWhereabouts(
                    home,
                    memory,
                    new Whereabouts(
                            written.place(),
                            new Whereabouts.ProcessIdentity(
                                    process, self.start(), self.boot(), self.namespace(), self.host())));
        }
    }

    @Test
    void whatWentToTheMemoryOfAProcessThatHasEndedIsOpenedAndSaysWhatIsGone() throws FileFailure {
        departToMemoryOf(NO_PROCESS);

        try (StoreImage image = open("here")) {
            assertTrue(
                    image.remarks().stream()
                            .anyMatch(remark -> remark.contains("went to the memory of process " + NO_PROCESS)
                                    && remark.contains("is gone")),
                    image.remarks().toString());
        }
        open("here").close();
    }

    @Test
    void whileThatProcessLivesItIsRefused() throws FileFailure {
        departToMemoryOf(ProcessHandle.current().pid());

        String refusal =
                assertThrows(InvalidRegionException.class, () -> open("here")).getMessage();

        assertTrue(
                refusal.contains(
                        "the memory of process " + ProcessHandle.current().pid()),
                refusal);
        assertTrue(refusal.contains("--repair"), refusal);
    }

    @Test
    void aProcessIsToldFromOthersByMoreThanItsNumber() {
        Whereabouts.ProcessIdentity self = Processes.self();

        assertFalse(Processes.hasEnded(self));
        assertTrue(Processes.hasEnded(changed(self, self.start() + 1, self.boot(), self.namespace(), self.host())));
        assertTrue(Processes.hasEnded(changed(self, self.start(), "another boot", self.namespace(), self.host())));
        assertFalse(Processes.hasEnded(changed(self, self.start(), "another boot", self.namespace(), "another host")));
        assertFalse(Processes.hasEnded(changed(self, self.start() + 1, self.boot(), "pid:[1]", self.host())));
    }

    private static Whereabouts.ProcessIdentity changed(
            Whereabouts.ProcessIdentity from, long start, String boot, String namespace, String host) {
        return new Whereabouts.ProcessIdentity(from.number(), start, boot, namespace, host);
    }

    @Test
    void anImageThatHasDepartedCanBeLookedAtAndMadeARegionAgain() throws FileFailure {
        StoreImage image = created();
        image.depart(place("there"));
        image.close();

        try (OfflineImage offline = OfflineImage.open(CORE, names("here"))) {
            assertTrue(offline.report().findings().toString().contains("the region went to store 'there'"));
            assertEquals(0, offline.report().intactEpoch().orElseThrow());
            assertTrue(offline.report().elsewhere());
            assertFalse(offline.report().damaged());
            new ImageRepair(CORE).write(offline, new ImageFiles(folder.resolve("here"), "again"), false);
        }
        Images.open(
                        CORE,
                        files,
                        new ImageFiles(folder.resolve("here"), "again"),
                        new Store.Request("again", null, 0, 0),
                        NOBODY)
                .close();
    }

    @Test
    void whereaboutsAreReadAsWrittenAndNotWhenTheyAreTorn() throws Sector.Malformed {
        Whereabouts whereabouts = Processes.whereabouts(place("ünter"));

        byte[] bytes = whereabouts.encode();

        assertEquals(whereabouts, Whereabouts.decode(bytes));
        bytes[20] ^= 1;
        assertThrows(Sector.Malformed.class, () -> Whereabouts.decode(bytes));
        assertThrows(Sector.Malformed.class, () -> Whereabouts.decode(new byte[Whereabouts.SIZE]));
        byte[] endless = new byte[Whereabouts.SIZE];
        Arrays.fill(endless, (byte) 0x7f);
        assertThrows(Sector.Malformed.class, () -> Whereabouts.decode(endless));
    }

    @Test
    void aPlaceWhoseNameCannotBeKeptIsNotGoneTo() {
        Place deep = new Place("file", Optional.of(Path.of("/" + "x/".repeat(2000))));

        assertThrows(RegionException.class, () -> Processes.whereabouts(deep));
    }
}
