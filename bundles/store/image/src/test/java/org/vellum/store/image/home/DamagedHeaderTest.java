// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.DamagedImageException;
import org.vellum.api.provider.StoreImage;
import org.vellum.store.image.BatchBuilder;
import org.vellum.store.image.TestStore;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.log.Log;
import org.vellum.store.image.medium.InMemoryDirectory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Tag("slow")
class DamagedHeaderTest {
    private static final long ADDRESS = 0x7000_0000_0000L;

    @TempDir(factory = InMemoryDirectory.class)
    Path directory;

    private TestStore store;

    @BeforeEach
    void anImageWithTwoEpochs() {
        store = new TestStore(directory);
        try (StoreImage image = store.open()) {
            image.recordAddress(ADDRESS);
            TestStore.commit(image, new BatchBuilder().line(0, 0, 1));
            TestStore.commit(image, new BatchBuilder().line(1, 0, 2));
        }
    }

    private String refused(Path file, long offset) throws Exception {
        byte[] home = Files.readAllBytes(store.home());
        return refused(file, offset, home);
    }

    private String refused(Path file, long offset, byte[] home) {
        store.files.forget();
        DamagedImageException damaged = assertThrows(DamagedImageException.class, store::open);
        assertTrue(damaged.getMessage().contains(file + ", offset " + offset + ":"), damaged.getMessage());
        assertEquals(List.of(), store.files.events(), "nothing may be written to a damaged image");
        try {
            assertArrayEquals(home, Files.readAllBytes(store.home()));
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return damaged.getMessage();
    }

    /** All bits of all fields, some of the padding behind them, and the checksum. */
    private static void forEachBit(int usedBytes, BitConsumer consumer) throws Exception {
        for (int at = 0; at < Sector.SIZE; at++) {
            if (at >= usedBytes + 2 && at < Sector.CHECKSUM_AT) {
                continue;
            }
            for (int bit = 0; bit < 8; bit++) {
                consumer.accept(at, bit);
            }
        }
    }

    @FunctionalInterface
    private interface BitConsumer {
        void accept(int at, int bit) throws Exception;
    }

    @Test
    void everyFlippedBitOfTheIdentityIsFound() throws Exception {
        forEachBit(80 + TestStore.REGION.length(), (at, bit) -> {
            TestStore.flip(store.home(), ImageIdentity.OFFSET + at, bit);
            refused(store.home(), ImageIdentity.OFFSET);
            TestStore.flip(store.home(), ImageIdentity.OFFSET + at, bit);
        });
        store.open().close();
    }

    @Test
    void everyFlippedBitOfEitherCheckpointSlotIsFoundAndTheOtherSaysTheSame() throws Exception {
        byte[] header = TestStore.read(store.home(), 0, ImageIdentity.HEADER_SIZE);
        byte[] content;
        try (StoreImage image = store.open()) {
            content = TestStore.content(image);
        }
        for (int i = 0; i < Checkpoint.SLOTS; i++) {
            int slot = i;
            forEachBit(80, (at, bit) -> {
                TestStore.write(store.home(), 0, header);
                TestStore.flip(store.home(), Checkpoint.offset(slot) + at, bit);
                opensToTheLastState(slot, content);
                assertNull(store.header().badSlot(), "the next checkpoint mends it");
            });
        }
    }

    private void opensToTheLastState(int damagedSlot, byte[] content) {
        try (StoreImage image = store.open()) {
            assertEquals(2, image.epoch());
            assertEquals(ADDRESS, image.address());
            assertArrayEquals(content, TestStore.content(image));
            String remark = image.remarks().get(0);
            assertTrue(remark.contains(store.home() + ", offset " + Checkpoint.offset(damagedSlot)), remark);
        }
    }

    @Test
    void twoDamagedSlotsAreRefused() throws Exception {
        forEachBit(80, (at, bit) -> {
            TestStore.flip(store.home(), Checkpoint.offset(0) + at, bit);
            TestStore.flip(store.home(), Checkpoint.offset(1) + 79 - at % 80, bit);
            refused(store.home(), Checkpoint.offset(0));
            TestStore.flip(store.home(), Checkpoint.offset(0) + at, bit);
            TestStore.flip(store.home(), Checkpoint.offset(1) + 79 - at % 80, bit);
        });
        store.open().close();
    }

    /** What each kind of checkpoint has just made true must not hang on the slot that was written last. */
    @Test
    void aDamagedSlotBehindAnyStepOfALifeLosesNothing() throws Exception {
        byte[] expected = new byte[(int) TestStore.SIZE];
        TestStore running = new TestStore(directory.resolve("running"));
        int epoch = 0;
        for (int opening = 0; opening < 2; opening++) {
            try (StoreImage image = running.open()) {
                damagedSlotLosesNothing(running, epoch, expected, image.address());
                image.recordAddress(ADDRESS);
                damagedSlotLosesNothing(running, epoch, expected, ADDRESS);
                for (int i = 0; i < 60; i++) {
                    BatchBuilder changes = i == 30
                            ? new BatchBuilder()
                                    .page(opening, 8)
                                    .page(opening + 1, 9)
                                    .page(opening + 2, 10)
                            : new BatchBuilder().line(i % TestStore.PAGES, i, i + 1);
                    expected = changes.appliedTo(expected);
                    epoch = (int) TestStore.commit(image, changes);
                    damagedSlotLosesNothing(running, epoch, expected, ADDRESS);
                }
            }
            damagedSlotLosesNothing(running, epoch, expected, ADDRESS);
        }
    }

    private void damagedSlotLosesNothing(TestStore running, long epoch, byte[] expected, long address)
            throws Exception {
        for (int slot = 0; slot < Checkpoint.SLOTS; slot++) {
            TestStore crashed = running.crashImage(directory.resolve("crashed"));
            TestStore.flip(crashed.home(), Checkpoint.offset(slot) + 25, 3);
            try (StoreImage image = crashed.open()) {
                assertEquals(epoch, image.epoch());
                assertEquals(address, image.address());
                assertArrayEquals(expected, TestStore.content(image));
            }
            crashed.delete();
        }
    }

    @Test
    void anotherFormatVersionIsNamed() throws Exception {
        ByteBuffer sector = Sector.wrap(TestStore.read(store.home(), ImageIdentity.OFFSET, Sector.SIZE));
        sector.putInt(Sector.VERSION_AT, 7);
        TestStore.write(store.home(), ImageIdentity.OFFSET, Sector.seal(sector));
        String message = refused(store.home(), 0);
        assertTrue(message.contains("written by format version 7, this build reads 1 and 2"), message);
    }

    /** Whoever wrote it knows more than this build, even if the other slot looks fine. */
    @Test
    void aCheckpointSlotOfAnotherFormatVersionIsRefused() throws Exception {
        for (int slot = 0; slot < Checkpoint.SLOTS; slot++) {
            byte[] own = TestStore.read(store.home(), Checkpoint.offset(slot), Sector.SIZE);
            ByteBuffer sector = Sector.wrap(own.clone()).putInt(Sector.VERSION_AT, 3);
            TestStore.write(store.home(), Checkpoint.offset(slot), Sector.seal(sector));
            String message = refused(store.home(), Checkpoint.offset(slot));
            assertTrue(message.contains("written by format version 3, this build reads 1 and 2"), message);
            TestStore.write(store.home(), Checkpoint.offset(slot), own);
        }
    }

    @Test
    void aFileThatIsNoImageIsCalledSo() throws Exception {
        TestStore.write(store.home(), 0, "#!/bin/sh\necho no image\n".getBytes());
        String message = refused(store.home(), 0);
        assertTrue(message.contains("no Vellum image"), message);
    }

    @Test
    void aCheckpointOfAnotherImageIsRefused() throws Exception {
        Checkpoint own = store.checkpoint();
        Checkpoint foreign = new Checkpoint(
                own.state(),
                own.identity() + 1,
                own.homeEpoch(),
                own.generation(),
                own.sequence(),
                own.segmentSize0(),
                own.segmentSize1(),
                own.highestEpoch(),
                own.address());
        TestStore.write(store.home(), Checkpoint.offset(1), foreign.encode());
        String message = refused(store.home(), Checkpoint.offset(1));
        assertTrue(message.contains(Sector.hexadecimal(own.identity())), message);
    }

    @Test
    void aTruncatedHomeImageIsRefused() throws Exception {
        long whole = Files.size(store.home());
        for (long length : new long[] {whole - 1, whole / 2, ImageIdentity.HEADER_SIZE, 600, 511, 1, 0}) {
            TestStore.truncate(store.home(), length);
            String message = refused(store.home(), length);
            assertTrue(message.contains("ends after " + length + " bytes"), message);
        }
    }

    @Test
    void aTruncatedLogSegmentIsRefused() throws Exception {
        Path used = store.log(0);
        assertTrue(Files.readAllBytes(used)[0] != 0, "no batch in the segment that is to be truncated");
        TestStore.truncate(used, TestStore.LOG_SIZE / 2 - 1);
        String message = refused(used, TestStore.LOG_SIZE / 2 - 1);
        assertTrue(message.contains("instead of " + TestStore.LOG_SIZE / 2), message);
    }

    @Test
    void aMissingLogSegmentOfAnImageThatWasNotClosedIsRefused() throws Exception {
        TestStore crashed;
        try (StoreImage image = store.open()) {
            TestStore.commit(image, new BatchBuilder().line(0, 0, 3));
            crashed = store.crashImage(directory.resolve("crashed"));
        }
        Files.delete(crashed.log(1));
        DamagedImageException missing = assertThrows(DamagedImageException.class, crashed::open);
        assertTrue(missing.getMessage().contains(crashed.log(1) + " is missing"), missing.getMessage());
    }

    /** Somebody deleted it under the open region, and whoever makes it anew may be killed at any moment. */
    @Test
    void ofAnImageClosedInOrderTheLogIsMadeAnew() throws Exception {
        byte[] content;
        try (StoreImage image = store.open()) {
            content = TestStore.content(image);
        }
        for (int left : new int[] {0, 4096}) {
            Files.delete(store.log(0));
            Files.write(store.log(1), new byte[left]);
            try (StoreImage image = store.open()) {
                assertEquals(2, image.epoch());
                assertArrayEquals(content, TestStore.content(image));
                assertTrue(
                        image.remarks().stream().anyMatch(remark -> remark.contains(store.log(0) + " was missing")),
                        image.remarks()::toString);
            }
        }
    }

    @Test
    void aHomeImageOlderThanItsLogIsRefused() throws Exception {
        byte[] old = Files.readAllBytes(store.home());
        try (StoreImage image = store.open()) {
            TestStore.commit(image, new BatchBuilder().line(0, 0, 3));
        }
        Files.write(store.home(), old);
        Checkpoint checkpoint = store.checkpoint();
        assertEquals(Checkpoint.State.CLOSED, checkpoint.state());
        Path log = store.log(Log.index(checkpoint.generation()));
        String message = refused(log, 0);
        assertTrue(message.contains("not of one moment"), message);
    }
}
