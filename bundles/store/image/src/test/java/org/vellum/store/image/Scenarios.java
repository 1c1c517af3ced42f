// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.StoreImage;
import org.vellum.schedules.Scenario;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;

/** What a store's threads are scheduled through: the one that commits, and the trimmer. Found by its name. */
public final class Scenarios {
    private Scenarios() {}

    public static List<Supplier<Scenario>> all() {
        return List.of(CommitsAndTrims::new, DepartureDuringATrim::new, CloseDuringATrim::new);
    }

    private abstract static class OnImage extends Scenario {
        @Override
        public final boolean needsFairness() {
            return true;
        }

        private static final Path SHARED_MEMORY = Path.of("/dev/shm");

        TestStore store;
        StoreImage image;

        /** With a trim that was just requested: the log's first segment is full, and epoch 2 is in the other one. */
        final void openAndFill() {
            image = store.open();
            image.recordAddress(0x100000000000L);
            commit(1);
            commit(2);
        }

        /** One fills more than half of a segment, so the next one goes to the other, and has this one trimmed. */
        final long commit(int value) {
            BatchBuilder changes = new BatchBuilder();
            for (int line = 0; line < 40; line++) {
                changes.line(value % TestStore.PAGES, line, value);
            }
            return TestStore.commit(image, changes);
        }

        @Override
        public final void run() throws Throwable {
            store = new TestStore(
                    Files.isWritable(SHARED_MEMORY)
                            ? Files.createTempDirectory(SHARED_MEMORY, "vellum-schedule")
                            : Files.createTempDirectory("vellum-schedule"));
            try {
                scenario();
            } finally {
                store.delete();
            }
        }

        abstract void scenario() throws Throwable;

        final void requireHomeHolds(byte[] content) throws IOException {
            ImageIdentity identity = store.identity();
            byte[] home = TestStore.read(store.home(), identity.homeOffset(), (int) identity.size());
            require(java.util.Arrays.equals(content, home), "the home image is not what was committed");
        }
    }

    /** Commits go on while segments are trimmed behind them; the close brings everything home. */
    static final class CommitsAndTrims extends OnImage {
        @Override
        void scenario() throws Throwable {
            openAndFill();
            for (int i = 3; i <= 4; i++) {
                require(commit(i) == i, "an epoch is left out");
            }
            byte[] content = TestStore.content(image);
            image.close();
            requireHomeHolds(content);
            require(store.checkpoint().state() == Checkpoint.State.CLOSED, "not closed");
        }
    }

    /** An image departs while its log is trimmed: what the device says last is that it has departed, with all of it. */
    static final class DepartureDuringATrim extends OnImage {
        @Override
        void scenario() throws Throwable {
            openAndFill();
            byte[] content = TestStore.content(image);
            image.depart(new Place("other", Optional.of(Path.of("/somewhere/else"))));
            image.close();
            require(
                    store.checkpoint().state() == Checkpoint.State.DEPARTED,
                    "departed, and the device says " + store.checkpoint().state());
            requireHomeHolds(content);
        }
    }

    /** An image is closed while its log is trimmed. */
    static final class CloseDuringATrim extends OnImage {
        @Override
        void scenario() throws Throwable {
            openAndFill();
            byte[] content = TestStore.content(image);
            image.close();
            requireHomeHolds(content);
            StoreImage again = store.open();
            require(again.epoch() == 2, "an epoch is lost");
            again.close();
        }
    }
}
