package org.vellum.store.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.provider.StoreImage;
import org.vellum.store.image.RecordingFiles.Event;

/**
 * Crashes a small workload before every file system call and in the middle of every write of more than a sector, and
 * opens what is left: it must hold exactly one epoch, not before the last acknowledged one. The crash is that of the
 * process, where what was written is there, synced or not, and then that of the machine, where the home image may have
 * all that was written and the log has no more than what was synced.
 */
class CrashEnumerationTest {
    /** Every how many crash images the recovery is itself crashed everywhere. */
    private static final int NESTED = 9;

    @TempDir(factory = InMemoryDirectory.class)
    Path directory;

    /** Content by epoch. Shared with the trimmer's thread, like the two below. */
    private final List<byte[]> expected = new CopyOnWriteArrayList<>();
    private final AtomicLong acknowledged = new AtomicLong();
    private final List<Throwable> failures = new CopyOnWriteArrayList<>();
    private final AtomicInteger images = new AtomicInteger();

    /** Takes a crash image at every event and examines it there and then. */
    private final class Crash implements RecordingFiles.Hook {
        private final TestStore store;
        private final int depth;

        Crash(TestStore store, int depth) {
            this.store = store;
            this.depth = depth;
        }

        @Override
        public void before(Event event) {
            examine(event + " not begun");
        }

        @Override
        public void halfWritten(Event event) {
            examine(event + " half done");
        }

        private void examine(String where) {
            int number = images.incrementAndGet();
            try {
                if (!Files.exists(store.directory)) {
                    return;
                }
                examine(where, number, store.crashImage(directory.resolve("crash-" + number)));
                examine("power cut, " + where, number, store.powerCutImage(directory.resolve("cut-" + number)));
            } catch (Exception | AssertionError e) {
                failures.add(new AssertionError(where, e));
            }
        }

        private void examine(String where, int number, TestStore crashed) throws Exception {
            long atLeast = acknowledged.get();
            if (depth > 0 && number % NESTED == 0) {
                crashed.files.hook(new Crash(crashed, depth - 1));
            }
            try (StoreImage image = crashed.open()) {
                long epoch = image.epoch();
                assertTrue(epoch >= atLeast, where + ": epoch " + epoch + ", acknowledged " + atLeast);
                assertTrue(epoch < expected.size(), where + ": epoch " + epoch);
                assertArrayEquals(expected.get((int) epoch), TestStore.content(image), where);
                crashed.files.noHook();
            }
            crashed.assertHomeHolds(expected.get((int) crashed.checkpoint().homeEpoch()));
            crashed.delete();
        }
    }

    @Test
    void everyCrashImageHoldsExactlyOneEpochNotBeforeTheLastAcknowledged() throws Exception {
        TestStore store = new TestStore(directory.resolve("running"));
        store.files.hook(new Crash(store, 1));
        Random random = new Random(7);
        expected.add(new byte[(int) TestStore.SIZE]);
        int epochs = 0;
        for (int opening = 0; opening < 2; opening++) {
            try (StoreImage image = store.open()) {
                for (int i = 0; i < 25; i++) {
                    BatchBuilder changes = new BatchBuilder();
                    for (int line = 0; line <= random.nextInt(20); line++) {
                        changes.line(random.nextInt(TestStore.PAGES), random.nextInt(64), random.nextInt(256));
                    }
                    if (i == 12) {
                        changes.page(1, opening + 1).page(2, opening + 1);
                    }
                    // Known before it is tried: a crash may find it durable and not acknowledged.
                    expected.add(changes.appliedTo(expected.get(epochs)));
                    acknowledged.set(TestStore.commit(image, changes));
                    epochs++;
                }
            }
        }
        store.files.noHook();
        for (Throwable failure : failures) {
            throw new AssertionError(failures.size() + " of " + images + " crash images are wrong", failure);
        }
        assertEquals(50, epochs);
        assertTrue(images.get() > 300, "crash images: " + images);
    }
}
