// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.home;

import org.vellum.api.DamagedImageException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.Holder;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.Sector;
import org.vellum.store.image.format.Whereabouts;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;

/**
 * The file {@code <region>.vellum}: header, page checksums, home image. Owns the open, locked file.
 *
 * <p>What must stay true:
 * <ul>
 *   <li>Each header sector is written alone, and no header sector is written that is needed if the write is torn at any
 *       eight bytes: the identity never, a checkpoint slot only while the other one is durable and right.
 *   <li>{@link #checkpoint} is the last one known durable in both slots. After a failed {@link #writeCheckpoint} the
 *       device holds that one or the one that failed; callers act as if either could be found, which means: free
 *       nothing that the old one needs, and destroy nothing that the new one needs.
 * </ul>
 *
 * <p>Checkpoints come from the control thread (open, recordAddress, growth of the log) and from the trimmer, hence
 * synchronized; pages are written by one write-back at a time.
 */
public final class HomeImage implements AutoCloseable {
    private final StoreFile file;
    private final NativeMemory sector;
    private final PageWriter pageWriter;

    private final ImageIdentity identity;
    private Checkpoint checkpoint;
    private long nextSequence;

    /** @param header read from this file, of the version that this build writes */
    public HomeImage(NativeCore core, StoreFile file, Header header) {
        this.file = file;
        identity = header.identity();
        checkpoint = header.checkpoint();
        nextSequence = header.nextSequence();
        sector = new NativeMemory(core, NativeCore.PAGE_SIZE);
        pageWriter = new PageWriter(core, file, identity);
    }

    /** @param file the home image, a segment of its log, or its undo file */
    public static DamagedImageException damaged(String region, StoreFile file, long offset, String sentence) {
        String image = file.path().toString().replaceFirst("-(log[01]|undo)$", "");
        return new DamagedImageException("region '" + region + "': " + file.path() + ", offset " + offset + ": "
                + sentence + ". Nothing was overwritten; './vellum verify " + image
                + "' shows what is intact, and a backup brings the rest back");
    }

    public static byte[] readSector(NativeCore core, StoreFile file, long offset) throws FileFailure {
        try (NativeMemory memory = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            file.read(memory.address(), Sector.SIZE, offset);
            byte[] bytes = new byte[Sector.SIZE];
            memory.view(0, Sector.SIZE).get(0, bytes);
            return bytes;
        }
    }

    public static void writeSector(StoreFile file, NativeMemory memory, byte[] bytes, long offset) throws FileFailure {
        memory.view(0, Sector.SIZE).put(0, bytes);
        file.write(memory.address(), Sector.SIZE, offset);
    }

    public StoreFile file() {
        return file;
    }

    public ImageIdentity identity() {
        return identity;
    }

    public synchronized Checkpoint checkpoint() {
        return checkpoint;
    }

    /** Not synced: nothing depends on it. */
    public synchronized void writeHolder(Holder holder) throws FileFailure {
        writeSector(file, sector, holder.encode(), Holder.OFFSET);
    }

    /**
     * Returns when the checkpoint is durable in both slots; only then may anything rely on it.
     *
     * <p>The first slot is written and synced while the second still holds the checkpoint before, durably; the second
     * is begun when the first is durable. After a failure in the first, its content is unknown and the next try goes
     * there again; after one in the second, the first counts, and the next try begins with the second.
     *
     * @param next its sequence is given here
     */
    public synchronized void writeCheckpoint(Checkpoint next) throws FileFailure {
        Checkpoint numbered = next.withSequence(nextSequence);
        byte[] bytes = numbered.encode();
        writeSector(file, sector, bytes, Checkpoint.offset(numbered.firstSlot()));
        file.syncData(PersistPoint.CHECKPOINT);
        nextSequence++;
        writeSector(file, sector, bytes, Checkpoint.offset(1 - numbered.firstSlot()));
        file.syncData(PersistPoint.CHECKPOINT_COPY);
        checkpoint = numbered;
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
        for (long first = pages.next(0); first >= 0; ) {
            int count = pages.run(first, Integer.MAX_VALUE);
            pageWriter.write(first, count, view + first * NativeCore.PAGE_SIZE);
            first = pages.next(first + count);
        }
        file.syncData(PersistPoint.HOME_PAGES);
    }

    /** Writes one page and its checksum. Not synced. */
    public void writePage(long page, NativeMemory content) throws FileFailure {
        pageWriter.write(page, 1, content.address());
    }

    /** Returns when it is durable. */
    public synchronized void writeWhereabouts(Whereabouts whereabouts) throws FileFailure {
        writeWhereabouts(file, sector, whereabouts);
        file.syncData(PersistPoint.WHEREABOUTS);
    }

    /** Not synced. */
    public static void writeWhereabouts(StoreFile file, NativeMemory memory, Whereabouts whereabouts)
            throws FileFailure {
        memory.view(0, Whereabouts.SIZE).put(0, whereabouts.encode());
        file.write(memory.address(), Whereabouts.SIZE, Whereabouts.OFFSET);
    }

    /** Of an image whose checkpoint says that there are some. */
    public static Whereabouts readWhereabouts(NativeCore core, StoreFile file, String region) throws FileFailure {
        try (NativeMemory memory = new NativeMemory(core, NativeCore.PAGE_SIZE)) {
            file.read(memory.address(), Whereabouts.SIZE, Whereabouts.OFFSET);
            byte[] bytes = new byte[Whereabouts.SIZE];
            memory.view(0, Whereabouts.SIZE).get(0, bytes);
            return Whereabouts.decode(bytes);
        } catch (Sector.Malformed e) {
            throw damaged(region, file, Whereabouts.OFFSET, e.getMessage());
        }
    }

    @Override
    public void close() {
        file.close();
        closeButFile();
    }

    /** For who goes on with the file. */
    public void closeButFile() {
        sector.close();
        pageWriter.close();
    }
}
