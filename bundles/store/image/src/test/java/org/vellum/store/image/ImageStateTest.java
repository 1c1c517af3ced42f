// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.CommitException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.InPlace;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.FailingSync;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.InMemoryDirectory;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.TornMemory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.vellum.store.image.ImageState.BEGINNING;
import static org.vellum.store.image.ImageState.CLOSED_UNWRITTEN;
import static org.vellum.store.image.ImageState.CLOSED_WRITTEN;
import static org.vellum.store.image.ImageState.DEPARTED;
import static org.vellum.store.image.ImageState.DEPARTING;
import static org.vellum.store.image.ImageState.ENDING;
import static org.vellum.store.image.ImageState.IN_PLACE;
import static org.vellum.store.image.ImageState.LOGGED;
import static org.vellum.store.image.ImageState.UNAPPLIED;

/**
 * The table above {@link ImageState}, line by line: which function makes which transition, and where a failure leads.
 */
class ImageStateTest {
    @TempDir(factory = InMemoryDirectory.class)
    Path directory;

    private TornMemory memory;
    private FailingSync files;
    private Image image;
    private int value;

    @BeforeEach
    void open() {
        memory = new TornMemory(directory.resolve("running"), 0);
        files = new FailingSync(memory.files());
        Store.Request request = new Store.Request(TestStore.REGION, null, TestStore.SIZE, TestStore.LOG_SIZE);
        ImageFiles names = new ImageFiles(memory.directory, TestStore.REGION);
        image = (Image) Images.open(Cores.CORE, files.files(), names, request, TestStore.IGNORE);
        assertEquals(LOGGED, image.state());
    }

    private void persist(boolean applied) {
        BatchBuilder changes = new BatchBuilder().line(1, 1, ++value);
        try (NativeMemory batch = changes.build()) {
            image.persist(batch.address(), changes.length());
            assertEquals(UNAPPLIED, image.state());
            if (applied) {
                image.apply(batch.address(), changes.length());
                assertEquals(LOGGED, image.state());
            }
        }
    }

    private Place elsewhere() {
        return new Place("file", Optional.of(directory.resolve("elsewhere")));
    }

    private void fails(PersistPoint point, Runnable call, ImageState then) {
        files.fail(point);
        assertThrows(RegionException.class, call::run);
        files.fail(null);
        assertEquals(then, image.state(), point + " failed");
    }

    private void closes(ImageState then) {
        image.close();
        assertEquals(then, image.state());
        assertEquals(then == CLOSED_WRITTEN, image.isWrittenBack());
    }

    private void begin() {
        InPlace places = image.beginInPlace().orElseThrow();
        assertEquals(IN_PLACE, image.state());
        assertEquals(TestStore.PAGES, places.slots());
    }

    @Test
    void aBatchIsPersistedAndThenApplied() {
        persist(true);
        fails(PersistPoint.BATCH, () -> persist(true), LOGGED);
        persist(true);
        closes(CLOSED_WRITTEN);
    }

    @Test
    void nothingButAnApplicationOrACloseFollowsABatchThatIsNotApplied() {
        persist(false);
        assertThrows(CommitException.class, () -> persist(true));
        assertThrows(RegionException.class, image::beginInPlace);
        assertThrows(RegionException.class, () -> image.depart(elsewhere()));
        assertEquals(UNAPPLIED, image.state());
        closes(CLOSED_UNWRITTEN);
    }

    @Test
    void aBeginIsInDoubtFromItsCheckpointOn() {
        persist(true);
        fails(PersistPoint.UNDO_HEADER, image::beginInPlace, LOGGED);
        fails(PersistPoint.CHECKPOINT, image::beginInPlace, BEGINNING);
        image.forgetFailedBatch();
        assertEquals(LOGGED, image.state());
        fails(PersistPoint.CHECKPOINT_COPY, image::beginInPlace, BEGINNING);
        fails(PersistPoint.CHECKPOINT, image::forgetFailedBatch, BEGINNING);
        begin();
        image.endInPlace(1);
        assertEquals(LOGGED, image.state());
        fails(PersistPoint.CHECKPOINT, image::beginInPlace, BEGINNING);
        closes(CLOSED_WRITTEN);
    }

    @Test
    void anEndIsRepeatedOrClosed() {
        begin();
        fails(PersistPoint.CHECKPOINT, () -> image.endInPlace(0), ENDING);
        fails(PersistPoint.CHECKPOINT_COPY, () -> image.endInPlace(0), ENDING);
        image.endInPlace(0);
        persist(true);
        begin();
        fails(PersistPoint.CHECKPOINT, () -> image.endInPlace(1), ENDING);
        closes(CLOSED_WRITTEN);
    }

    @Test
    void withoutAnEndAnImageInPlaceIsLeftToTheNextOpen() {
        begin();
        closes(CLOSED_UNWRITTEN);
    }

    @Test
    void aDepartureIsInDoubtFromItsCheckpointOn() {
        fails(PersistPoint.WHEREABOUTS, () -> image.depart(elsewhere()), LOGGED);
        fails(PersistPoint.CHECKPOINT_COPY, () -> image.depart(elsewhere()), DEPARTING);
        image.forgetFailedBatch();
        assertEquals(LOGGED, image.state());
        image.depart(elsewhere());
        assertEquals(DEPARTED, image.state());
        assertThrows(IllegalStateException.class, () -> persist(true));
        closes(CLOSED_WRITTEN);
    }

    @Test
    void aDepartureInDoubtIsNotWrittenOver() {
        fails(PersistPoint.CHECKPOINT, () -> image.depart(elsewhere()), DEPARTING);
        closes(CLOSED_UNWRITTEN);
    }

    /** What no caller can do wrong is asserted. */
    @Test
    void aCallThatTheTableDoesNotHaveIsAnError() {
        assertThrows(AssertionError.class, () -> image.apply(0, 0));
        begin();
        assertThrows(AssertionError.class, () -> image.requireIntact(0, 1));
        closes(CLOSED_UNWRITTEN);
        assertThrows(AssertionError.class, image::committedView);
        assertThrows(AssertionError.class, image::homeFile);
    }

    @Test
    void everyOtherTransitionIsRefused() {
        Map<ImageState, Set<ImageState>> table = new EnumMap<>(ImageState.class);
        table.put(LOGGED, Set.of(UNAPPLIED, BEGINNING, DEPARTING, CLOSED_UNWRITTEN));
        table.put(UNAPPLIED, Set.of(LOGGED, CLOSED_UNWRITTEN));
        table.put(BEGINNING, Set.of(LOGGED, IN_PLACE, CLOSED_UNWRITTEN));
        table.put(IN_PLACE, Set.of(ENDING, CLOSED_UNWRITTEN));
        table.put(ENDING, Set.of(LOGGED, CLOSED_UNWRITTEN));
        table.put(DEPARTING, Set.of(LOGGED, DEPARTED, CLOSED_UNWRITTEN));
        table.put(DEPARTED, Set.of(CLOSED_UNWRITTEN));
        table.put(CLOSED_UNWRITTEN, Set.of(CLOSED_WRITTEN));
        table.put(CLOSED_WRITTEN, Set.of());
        for (ImageState from : ImageState.values()) {
            for (ImageState to : ImageState.values()) {
                assertEquals(table.get(from).contains(to), from.mayBecome(to), from + " to " + to);
            }
        }
    }
}
