package org.vellum.store.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Store;
import org.vellum.nativelib.NativeCore;

/**
 * Writes the last intact epoch of an image as a new image, closed in order: same region identity and address, so that
 * pointers in it stay right, and an empty log. The damaged image is only read; {@link #replace} then exchanges names.
 */
public final class ImageRepair {
    /** Follows the name of each file that a repaired one took the place of. */
    private static final String DAMAGED = ".damaged";

    private static final int PIECE_PAGES = 256;

    private final NativeCore core;
    private final StoreFiles files;

    public ImageRepair(NativeCore core) {
        this(core, new NativeStoreFiles(core));
    }

    ImageRepair(NativeCore core, StoreFiles files) {
        this.core = core;
        this.files = files;
    }

    /**
     * Writes the intact epoch of {@code damaged} to {@code target}, durably.
     *
     * @param acceptDamagedPages take pages that do not fit their checksums as they are; without it they are refused
     * @throws DamagedImageException there is no intact epoch, or a page of it is damaged
     * @throws InvalidRegionException the target exists, or does not fit its folder
     */
    public void write(OfflineImage damaged, ImageFiles target, boolean acceptDamagedPages) {
        ImageReport report = damaged.report();
        if (report.intactEpoch().isEmpty()) {
            throw new DamagedImageException(report.image() + " holds no epoch as a whole, so it cannot be repaired;"
                    + " bring it back from a backup");
        }
        if (!report.damagedPages().isEmpty() && !acceptDamagedPages) {
            throw new DamagedImageException(report.image() + ": " + report.damagedPages().size()
                    + " damaged pages, the first is page " + report.damagedPages().get(0)
                    + "; a backup has them, or --accept-damaged-pages takes them as they are");
        }
        for (Path file : new Path[] {target.home(), target.log(0), target.log(1), target.unfinished()}) {
            if (files.exists(file)) {
                throw new InvalidRegionException(file + " is there already; name another file by --output");
            }
        }
        try {
            create(damaged, target, report.intactEpoch().getAsLong());
        } catch (FileFailure e) {
            throw new RegionException(
                    report.image() + " cannot be repaired: " + e.getMessage() + "; " + e.wayOut(), e);
        }
    }

    private void create(OfflineImage damaged, ImageFiles target, long epoch) throws FileFailure {
        ImageIdentity from = damaged.header().identity();
        Checkpoint old = damaged.header().checkpoint();
        ImageIdentity identity = ImageIdentity.layOut(
                from.name(), from.identity(), from.size(), from.segmentSize(), from.creationTime());
        Checkpoint checkpoint = new Checkpoint(
                Checkpoint.State.CLOSED,
                identity.identity(),
                epoch,
                old.generation() + 2,
                old.sequence() + 1,
                identity.segmentSize(),
                identity.segmentSize(),
                epoch,
                old.address());
        new ImageCreation(core, files, target, new Store.Request(target.region(), null, from.size(), 0))
                .run(identity, checkpoint, unfinished -> copyPages(damaged, unfinished, identity));
    }

    /** Checksums are computed anew; those of pages never written stay 0. */
    private void copyPages(OfflineImage damaged, StoreFile to, ImageIdentity identity) throws FileFailure {
        ImageIdentity from = damaged.header().identity();
        try (NativeMemory pages = new NativeMemory(core, (long) PIECE_PAGES * NativeCore.PAGE_SIZE);
                NativeMemory entries = new NativeMemory(core, (long) PIECE_PAGES * PageChecksums.ENTRY_SIZE)) {
            for (long first = 0; first < identity.pages(); first += PIECE_PAGES) {
                int count = (int) Math.min(PIECE_PAGES, identity.pages() - first);
                readPages(damaged, first, count, pages);
                long entriesLength = (long) count * PageChecksums.ENTRY_SIZE;
                damaged.file().read(entries.address(), entriesLength, PageChecksums.offset(from, first));
                for (int i = 0; i < count; i++) {
                    renew(pages.view((long) i * NativeCore.PAGE_SIZE, NativeCore.PAGE_SIZE),
                            entries.view((long) i * PageChecksums.ENTRY_SIZE, PageChecksums.ENTRY_SIZE));
                }
                to.write(pages.address(), (long) count * NativeCore.PAGE_SIZE,
                        identity.homeOffset() + first * NativeCore.PAGE_SIZE);
                to.write(entries.address(), entriesLength, PageChecksums.offset(identity, first));
            }
        }
    }

    private static void renew(ByteBuffer page, ByteBuffer entry) {
        if (entry.getInt(0) != 0 || !PageChecksums.isZero(page)) {
            entry.order(ByteOrder.LITTLE_ENDIAN).putInt(0, PageChecksums.entry(page));
        }
    }

    private void readPages(OfflineImage damaged, long first, int count, NativeMemory pages) throws FileFailure {
        long homeOffset = damaged.header().identity().homeOffset();
        damaged.file().read(
                pages.address(), (long) count * NativeCore.PAGE_SIZE, homeOffset + first * NativeCore.PAGE_SIZE);
        for (int i = 0; i < count; i++) {
            if (damaged.replayed().contains(first + i)) {
                pages.view((long) i * NativeCore.PAGE_SIZE, NativeCore.PAGE_SIZE)
                        .put(core.view(damaged.view().address() + (first + i) * NativeCore.PAGE_SIZE,
                                NativeCore.PAGE_SIZE));
            }
        }
    }

    /**
     * Gives a repaired image the names of the damaged one, whose files get the suffix {@code .damaged}. Not one step for
     * all three files: a crash in between leaves each of them under one name or the other, and the region refuses to
     * open for lack of its home image, which is moved last.
     *
     * @throws InvalidRegionException files of an earlier repair are in the way
     */
    public void replace(ImageFiles damaged, ImageFiles repaired) {
        try {
            for (int step = 0; step < 4; step++) {
                Path kept = keptName(file(damaged, step));
                if (files.exists(kept)) {
                    throw new InvalidRegionException(kept + " is there, of an earlier repair; move it away first");
                }
            }
            for (int step = 0; step < 4; step++) {
                if (files.exists(file(damaged, step))) {
                    files.rename(file(damaged, step), keptName(file(damaged, step)));
                }
            }
            for (int step = 2; step >= 0; step--) {
                files.rename(file(repaired, step), file(damaged, step));
            }
            files.syncDirectory(damaged.directory(), PersistPoint.REPLACED_NAMES);
        } catch (FileFailure e) {
            throw new RegionException(damaged.home() + ": the repaired image " + repaired.home()
                    + " could not take its name: " + e.getMessage() + "; rename the files by hand", e);
        }
    }

    /** The files of an image, home first; last the undo file, which a repaired image does not have. */
    private static Path file(ImageFiles names, int index) {
        return switch (index) {
            case 0 -> names.home();
            case 3 -> names.undo();
            default -> names.log(index - 1);
        };
    }

    private static Path keptName(Path file) {
        return file.resolveSibling(file.getFileName() + DAMAGED);
    }
}
