package org.vellum.store.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;

/**
 * The file {@code <region>.vellum}: header, page checksums, home image. Owns the open, locked file.
 *
 * <p>What must stay true:
 * <ul>
 *   <li>Each header sector is written with one call of 512 bytes and never together with another.
 *   <li>{@link #checkpoint} is the last one known durable. After a failed {@link #writeCheckpoint} the device holds
 *       that one or the one that failed; callers act as if either could be found, which means: free nothing that the
 *       old one needs, and destroy nothing that the new one needs.
 *   <li>A page and its table entry come from one copy of the page, so they agree even while the view is changing.
 * </ul>
 *
 * <p>Header writes come from the control thread (open, recordAddress, growth of the log) and from the trimmer, hence
 * synchronized; pages are written by one write-back at a time.
 */
final class HomeImage implements AutoCloseable {
    /** Adjacent pages written with one call. */
    private static final int RUN_PAGES = 256;

    private final NativeCore core;
    private final StoreFile file;
    private final NativeMemory sector;
    /** Room for a run of pages and, behind it, their table entries. */
    private final NativeMemory staging;

    private ImageIdentity identity;
    private Checkpoint checkpoint;

    private HomeImage(NativeCore core, StoreFile file, ImageIdentity identity, Checkpoint checkpoint) {
        this.core = core;
        this.file = file;
        this.identity = identity;
        this.checkpoint = checkpoint;
        sector = new NativeMemory(core, NativeCore.PAGE_SIZE);
        staging = new NativeMemory(core, RUN_PAGES * (NativeCore.PAGE_SIZE + (long) PageChecksums.ENTRY_SIZE));
    }

    /**
     * Reads and checks the header. Changes nothing.
     *
     * @param file open and locked; owned by the result
     * @throws DamagedImageException the header is not one this build can trust
     */
    static HomeImage read(NativeCore core, StoreFile file, String region) throws FileFailure {
        long size = file.size();
        if (size < ImageIdentity.HEADER_SIZE) {
            throw damaged(region, file, size, "the file ends after " + size + " bytes, within the header of "
                    + ImageIdentity.HEADER_SIZE + " bytes");
        }
        long at = ImageIdentity.OFFSET;
        try {
            ImageIdentity identity = ImageIdentity.decode(readSector(core, file, at));
            if (size < identity.fileSize()) {
                throw damaged(region, file, size, "the file ends after " + size + " bytes instead of "
                        + identity.fileSize() + ": it was truncated");
            }
            at = Checkpoint.OFFSET;
            Checkpoint checkpoint = Checkpoint.decode(readSector(core, file, at), identity.identity());
            return new HomeImage(core, file, identity, checkpoint);
        } catch (Sector.Malformed e) {
            throw damaged(region, file, at, e.getMessage());
        }
    }

    /** @param file the home image or a segment of its log */
    static DamagedImageException damaged(String region, StoreFile file, long offset, String sentence) {
        String image = file.path().toString().replaceFirst("-log[01]$", "");
        return new DamagedImageException("region '" + region + "': " + file.path() + ", offset " + offset + ": "
                + sentence + ". Nothing was overwritten; './vellum verify " + image
                + "' shows what is intact, and a backup brings the rest back");
    }

    static byte[] readSector(NativeCore core, StoreFile file, long offset) throws FileFailure {
        try (NativeMemory memory = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            file.read(memory.address(), Sector.SIZE, offset);
            byte[] bytes = new byte[Sector.SIZE];
            memory.view(0, Sector.SIZE).get(0, bytes);
            return bytes;
        }
    }

    static void writeSector(StoreFile file, NativeMemory memory, byte[] bytes, long offset) throws FileFailure {
        memory.view(0, Sector.SIZE).put(0, bytes);
        file.write(memory.address(), Sector.SIZE, offset);
    }

    StoreFile file() {
        return file;
    }

    synchronized ImageIdentity identity() {
        return identity;
    }

    synchronized Checkpoint checkpoint() {
        return checkpoint;
    }

    synchronized void recordAddress(long address) throws FileFailure {
        ImageIdentity recorded = identity.withAddress(address);
        writeSector(file, sector, recorded.encode(), ImageIdentity.OFFSET);
        file.syncData(PersistPoint.ADDRESS);
        identity = recorded;
    }

    /** Not synced: nothing depends on it. */
    synchronized void writeHolder(Holder holder) throws FileFailure {
        writeSector(file, sector, holder.encode(), Holder.OFFSET);
    }

    /** Returns when the checkpoint is durable. */
    synchronized void writeCheckpoint(Checkpoint next) throws FileFailure {
        writeSector(file, sector, next.encode(), Checkpoint.OFFSET);
        file.syncData(PersistPoint.CHECKPOINT);
        checkpoint = next;
    }

    /**
     * Writes pages of the committed view home, with their checksums, and makes them durable. Only then may a checkpoint
     * say so. After a failure all of them must be written again before that is tried: the kernel may have dropped any.
     *
     * <p>The view may change meanwhile, by epochs that are durable in the log and not covered by the coming
     * checkpoint. A page may then hold a mixture of epochs; replaying those records puts every line right, because
     * lines outside of the records are the same in both.
     */
    void writePages(PageSet pages, long view) throws FileFailure {
        ImageIdentity image = identity();
        ByteBuffer entries = staging.view(
                        (long) RUN_PAGES * NativeCore.PAGE_SIZE, RUN_PAGES * PageChecksums.ENTRY_SIZE)
                .order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer copy = staging.view(0, RUN_PAGES * NativeCore.PAGE_SIZE);
        for (long first = pages.next(0); first >= 0; ) {
            int count = pages.run(first, RUN_PAGES);
            int length = count * NativeCore.PAGE_SIZE;
            copy.clear().put(core.view(view + first * NativeCore.PAGE_SIZE, length));
            for (int i = 0; i < count; i++) {
                ByteBuffer page = copy.slice(i * NativeCore.PAGE_SIZE, NativeCore.PAGE_SIZE);
                entries.putInt(i * PageChecksums.ENTRY_SIZE, PageChecksums.entry(page));
            }
            file.write(staging.address(), length, image.homeOffset() + first * NativeCore.PAGE_SIZE);
            file.write(
                    staging.address() + (long) RUN_PAGES * NativeCore.PAGE_SIZE,
                    (long) count * PageChecksums.ENTRY_SIZE,
                    PageChecksums.offset(image, first));
            first = pages.next(first + count);
        }
        file.syncData(PersistPoint.HOME_PAGES);
    }

    @Override
    public void close() {
        file.close();
        sector.close();
        staging.close();
    }
}
