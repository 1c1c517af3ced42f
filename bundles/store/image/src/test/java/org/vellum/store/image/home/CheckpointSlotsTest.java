// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.vellum.store.image.creation.ImageCreation;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.Checkpoint.State;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.medium.Cores;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.TornFile;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Checkpoints on a device that tears at eight bytes. Crashes writing them after every call, by a power cut, where each
 * word written since the last sync is there or not, and by a kill, where all is there and nothing is durable; goes on
 * from what is left, and crashes again. The checkpoint's home epoch stands for its content.
 */
class CheckpointSlotsTest {
    private static final int DEPTH = 3;
    /** Of a checkpoint: two writes, each with a sync. */
    private static final int CALLS = 4;

    private static final int TORN = 5;

    private final Random random = new Random(5);
    private PersistPoint leftOut;
    private long examined;

    private static TornFile newImage() throws FileFailure {
        int table = ImageIdentity.HEADER_SIZE;
        ImageIdentity identity = new ImageIdentity(42, 4096, table + 4096, table, 4096, 0, "orders");
        TornFile file = new TornFile((int) identity.fileSize());
        Checkpoint first = new Checkpoint(State.CLOSED, 42, 0, 0, 0, 4096, 4096, 0, 0);
        ImageCreation.writeHeader(Cores.CORE, file, identity, first);
        file.syncData(PersistPoint.NEW_IMAGE);
        return file;
    }

    private static Header read(TornFile file) throws FileFailure {
        return Header.read(Cores.CORE, file, "orders");
    }

    /** @param acknowledged the highest content that a returned call has made durable */
    private void explore(TornFile file, long acknowledged, int depth) throws FileFailure {
        Header header = read(file);
        long found = header.checkpoint().homeEpoch();
        examined++;
        assertTrue(found >= acknowledged, "checkpoint " + found + " found, " + acknowledged + " acknowledged");
        if (depth == 0) {
            return;
        }
        long written = found + 1;
        for (int calls = 1; calls <= CALLS; calls++) {
            TornFile running = file.copy();
            running.leaveOut(leftOut);
            running.stopAfter(calls);
            long durable = acknowledged;
            try (HomeImage image = new HomeImage(Cores.CORE, running, header)) {
                image.writeCheckpoint(image.checkpoint().next(State.IN_USE, written, 0, written));
                durable = written;
                damage(running, written);
            } catch (TornFile.Stopped e) {
                assertTrue(calls < CALLS, "all calls were made");
            }
            crash(running, durable, depth);
        }
    }

    private void crash(TornFile running, long acknowledged, int depth) throws FileFailure {
        explore(running.killed(), acknowledged, depth - 1);
        for (int i = 0; i < TORN; i++) {
            explore(running.powerCut(i, random), acknowledged, depth - 1);
        }
    }

    /** Whatever the power cut, either slot alone says what was acknowledged. */
    private void damage(TornFile running, long acknowledged) throws FileFailure {
        for (int slot = 0; slot < Checkpoint.SLOTS; slot++) {
            TornFile damaged = running.powerCut(0, random);
            damaged.flip(Checkpoint.offset(slot) + 24);
            assertEquals(acknowledged, read(damaged).checkpoint().homeEpoch());
        }
    }

    @Test
    void noCrashAndNoSingleDamageLosesACheckpoint() throws FileFailure {
        explore(newImage(), 0, DEPTH);
        assertTrue(examined > 5000, "examined: " + examined);
    }

    @Test
    void leavingOutEitherSyncIsNoticed() {
        for (PersistPoint point : new PersistPoint[] {PersistPoint.CHECKPOINT, PersistPoint.CHECKPOINT_COPY}) {
            leftOut = point;
            assertThrows(Throwable.class, () -> explore(newImage(), 0, DEPTH), point.toString());
        }
    }

    /** A failed sync leaves its slot unknown; the next try must not begin with the other one. */
    @Test
    void aCheckpointThatFailsIsTriedAgainInTheSameSlot() throws FileFailure {
        for (PersistPoint failing : new PersistPoint[] {PersistPoint.CHECKPOINT, PersistPoint.CHECKPOINT_COPY}) {
            TornFile file = newImage();
            try (HomeImage home = new HomeImage(Cores.CORE, file, read(file))) {
                Checkpoint next = home.checkpoint().next(State.IN_USE, 1, 0, 1);
                file.failOnce(failing);
                assertThrows(FileFailure.class, () -> home.writeCheckpoint(next));
                assertEquals(0, home.checkpoint().homeEpoch());
                file.stopAfter(1);
                assertThrows(TornFile.Stopped.class, () -> home.writeCheckpoint(next));
                for (int i = 0; i < TORN; i++) {
                    TornFile cut = file.powerCut(i, random);
                    assertDoesNotThrow(() -> read(cut), failing.toString());
                }
            }
        }
    }
}
