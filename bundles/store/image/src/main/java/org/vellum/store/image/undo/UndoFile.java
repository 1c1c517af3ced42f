// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.undo;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.SecureRandom;
import org.vellum.api.provider.InPlace;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.UndoHeader;
import org.vellum.store.image.format.UndoSlot;
import org.vellum.store.image.home.HomeImage;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/**
 * The file {@code <region>.vellum-undo}, there once a region was opened in place: what its pages held before they were
 * stored to, and the epoch that counts. Its layout is that of {@link UndoHeader} and {@link UndoSlot}.
 *
 * <p>Only the native half writes slots and moves the epoch word on: one 8-byte store, which makes all slots of an epoch
 * void. Here the header is written, anew whenever a region begins to be written in place, and before the checkpoint
 * says so: until then the file means nothing, and a header torn by a crash is harmless. {@link UndoScan} reads the file
 * after a crash.
 */
public final class UndoFile implements AutoCloseable {
    private static final VarHandle WORD = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final StoreFile file;
    private final long address;
    private final long pages;
    private final ByteBuffer header;

    private UndoFile(NativeCore core, StoreFile file, long address, long pages) {
        this.file = file;
        this.address = address;
        this.pages = pages;
        header = core.memory().view(address, NativeCore.PAGE_SIZE).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Makes the file ready for a new opening in place: room for every slot, a new header, an epoch word that says
     * {@code epoch}; all durable, the file's name too. The checkpoint must not say "in place" meanwhile.
     *
     * @throws FileFailure a file that was not there before has been removed again
     */
    public static UndoFile prepare(NativeCore core, StoreFiles files, ImageFiles names, ImageIdentity image, long epoch)
            throws FileFailure {
        boolean isNew = !files.exists(names.undo());
        StoreFile file = files.open(names.undo(), true);
        boolean complete = false;
        try {
            file.closeToOthers();
            file.allocate(0, UndoHeader.fileSize(image.pages()));
            file.makeReal(0, UndoHeader.fileSize(image.pages()), false);
            writeHeader(core, file, image, new SecureRandom().nextLong(), epoch);
            file.syncData(PersistPoint.UNDO_HEADER);
            files.syncDirectory(names.directory(), PersistPoint.UNDO_NAME);
            UndoFile ready = new UndoFile(core, file, file.mapping().orElseThrow(), image.pages());
            complete = true;
            return ready;
        } finally {
            if (!complete) {
                file.close();
                if (isNew) {
                    files.delete(names.undo());
                }
            }
        }
    }

    private static void writeHeader(NativeCore core, StoreFile file, ImageIdentity image, long opening, long epoch)
            throws FileFailure {
        try (NativeMemory page = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            new UndoHeader(image.identity(), opening, image.pages()).encode(page.view(0, NativeCore.PAGE_SIZE), epoch);
            file.write(page.address(), NativeCore.PAGE_SIZE, 0);
        }
    }

    /** Where the native half finds home image, checksums and this file; of an image whose home file is mapped. */
    public InPlace describe(HomeImage home, StoreFiles files) {
        long homeMapping = home.file().mapping().orElseThrow();
        return new InPlace(
                home.file().descriptor(),
                home.identity().homeOffset(),
                homeMapping + home.identity().homeOffset(),
                address,
                address + UndoHeader.SLOT_HEADERS,
                address + UndoHeader.slotContents(pages),
                pages,
                homeMapping + home.identity().tableOffset(),
                files.synchronous(),
                files.persistence().orElseThrow().address());
    }

    /** The last committed epoch, as the native half has it now; any thread. */
    public long epoch() {
        return UndoHeader.epochOf((long) WORD.getAcquire(header, (int) UndoHeader.EPOCH_WORD_AT));
    }

    /** Fails unless it is where the next open looks for it. */
    public void requireNamed(ImageFiles names) throws FileFailure {
        file.requireNamed(names.undo());
    }

    @Override
    public void close() {
        file.close();
    }
}
