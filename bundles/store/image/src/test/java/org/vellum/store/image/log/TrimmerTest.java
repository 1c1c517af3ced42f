// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.log;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.CommitException;
import org.vellum.api.provider.Phase;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.StoreImage;
import org.vellum.store.image.BatchBuilder;
import org.vellum.store.image.TestStore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

class TrimmerTest {
    @TempDir
    Path directory;

    /** Its report goes to a log whose handler fails as well, as both do when memory is short. */
    private static final class FailingHandler extends Handler {
        @Override
        public void publish(LogRecord event) {
            throw new OutOfMemoryError("injected into logging");
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }

    /** The time is no requirement: without it a failure of this test would be a commit that waits for ever. */
    @Test
    void aTrimWhoseFailureCannotEvenBeLoggedIsAFailedTrimAndIsTriedAgain() {
        Logger logger = Logger.getLogger(Trimmer.class.getName());
        Handler handler = new FailingHandler();
        AtomicBoolean failing = new AtomicBoolean(true);
        PhaseObserver observer = (region, phase) -> {
            if (phase == Phase.TRIM && failing.get()) {
                throw new StackOverflowError();
            }
        };
        TestStore store = new TestStore(directory);
        logger.addHandler(handler);
        try {
            assertTimeoutPreemptively(Duration.ofMinutes(1), () -> {
                StoreImage image = store.open(observer);
                BatchBuilder changes = new BatchBuilder().line(1, 1, 1);
                CommitException failure = assertThrows(CommitException.class, () -> {
                    while (true) {
                        TestStore.commit(image, changes);
                    }
                });
                assertTrue(failure.getMessage().contains("cannot be trimmed"), failure.getMessage());
                assertTrue(failure.getMessage().contains("StackOverflowError"), failure.getMessage());
                assertTrue(
                        image.remarks().get(0).contains("StackOverflowError"),
                        image.remarks().toString());
                failing.set(false);
                long epoch = image.epoch();
                assertEquals(epoch + 1, TestStore.commit(image, changes));
                image.close();
            });
        } finally {
            logger.removeHandler(handler);
        }
    }

    @Test
    void anInterruptEndsACommitThatWaitsForRoomAndNothingIsLost() {
        CountDownLatch trimming = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        PhaseObserver observer = (region, phase) -> {
            if (phase == Phase.TRIM) {
                trimming.countDown();
                try {
                    go.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
        };
        TestStore store = new TestStore(directory);
        assertTimeoutPreemptively(Duration.ofMinutes(2), () -> {
            StoreImage image = store.open(observer);
            BatchBuilder changes = new BatchBuilder().line(1, 1, 1);
            Thread.currentThread().interrupt(); // what need not wait is not interrupted
            CommitException failure = assertThrows(CommitException.class, () -> {
                while (true) {
                    TestStore.commit(image, changes);
                }
            });
            assertTrue(failure.getMessage().contains("interrupted"), failure.getMessage());
            assertTrue(Thread.interrupted(), "the interrupt flag");
            long epoch = image.epoch();
            trimming.await();
            go.countDown();
            assertEquals(epoch + 1, TestStore.commit(image, changes));
            image.close();
        });
    }
}
