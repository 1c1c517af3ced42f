package org.vellum.store.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vellum.api.DamagedImageException;
import org.vellum.api.provider.StoreImage;

class DamagedHeaderTest {
    @TempDir(factory = InMemoryDirectory.class)
    Path directory;

    private TestStore store;

    @BeforeEach
    void anImageWithTwoEpochs() {
        store = new TestStore(directory);
        try (StoreImage image = store.open()) {
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
        assertTrue(
                damaged.getMessage().contains(file + ", offset " + offset + ":"),
                damaged.getMessage());
        assertEquals(List.of(), store.files.events(), "nothing may be written to a damaged image");
        try {
            assertArrayEquals(home, Files.readAllBytes(store.home()));
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return damaged.getMessage();
    }

    /** All bits of all fields: each sector's used bytes, the padding behind them, and the checksum. */
    private void everyFlippedBitIsFound(long sector, int usedBytes) throws Exception {
        for (int at = 0; at < Sector.SIZE; at++) {
            if (at >= usedBytes + 2 && at < Sector.CHECKSUM_AT) {
                continue;
            }
            for (int bit = 0; bit < 8; bit++) {
                TestStore.flip(store.home(), sector + at, bit);
                store.files.forget();
                DamagedImageException damaged = assertThrows(
                        DamagedImageException.class, store::open, "byte " + at + " bit " + bit);
                assertTrue(
                        damaged.getMessage().contains(store.home() + ", offset " + sector + ":"),
                        damaged.getMessage());
                assertEquals(List.of(), store.files.events(), "nothing may be written to a damaged image");
                TestStore.flip(store.home(), sector + at, bit);
            }
        }
        byte[] home = Files.readAllBytes(store.home());
        TestStore.flip(store.home(), sector + 20, 0);
        home[(int) sector + 20] ^= 1;
        refused(store.home(), sector, home);
        TestStore.flip(store.home(), sector + 20, 0);
        store.open().close();
    }

    @Test
    void everyFlippedBitOfTheIdentityIsFound() throws Exception {
        everyFlippedBitIsFound(ImageIdentity.OFFSET, 80 + TestStore.REGION.length());
    }

    @Test
    void everyFlippedBitOfTheCheckpointIsFound() throws Exception {
        everyFlippedBitIsFound(Checkpoint.OFFSET, 72);
    }

    @Test
    void anotherFormatVersionIsNamed() throws Exception {
        ByteBuffer sector = Sector.wrap(TestStore.read(store.home(), ImageIdentity.OFFSET, Sector.SIZE));
        sector.putInt(Sector.VERSION_AT, 7);
        TestStore.write(store.home(), ImageIdentity.OFFSET, Sector.seal(sector));
        String message = refused(store.home(), 0);
        assertTrue(message.contains("written by format version 7, this build reads 1"), message);
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
                own.closed(), own.identity() + 1, own.homeEpoch(), own.generation(), own.sequence(),
                own.segmentSize0(), own.segmentSize1(), own.highestEpoch());
        TestStore.write(store.home(), Checkpoint.OFFSET, foreign.encode());
        String message = refused(store.home(), Checkpoint.OFFSET);
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
    void aTruncatedOrMissingLogSegmentIsRefused() throws Exception {
        TestStore.truncate(store.log(1), TestStore.LOG_SIZE / 2 - 1);
        String message = refused(store.log(1), TestStore.LOG_SIZE / 2 - 1);
        assertTrue(message.contains("instead of " + TestStore.LOG_SIZE / 2), message);
        Files.delete(store.log(1));
        DamagedImageException missing = assertThrows(DamagedImageException.class, store::open);
        assertTrue(missing.getMessage().contains(store.log(1) + " is missing"), missing.getMessage());
    }

    @Test
    void aHomeImageOlderThanItsLogIsRefused() throws Exception {
        byte[] old = Files.readAllBytes(store.home());
        try (StoreImage image = store.open()) {
            TestStore.commit(image, new BatchBuilder().line(0, 0, 3));
        }
        Files.write(store.home(), old);
        Checkpoint checkpoint = store.checkpoint();
        assertTrue(checkpoint.closed());
        Path log = store.log(Log.index(checkpoint.generation()));
        String message = refused(log, 0);
        assertTrue(message.contains("not of one moment"), message);
    }
}
