// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.offline;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.SecureRandom;
import java.util.Optional;
import org.vellum.api.DamagedImageException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionBusyException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.Store;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.creation.ImageCreation;
import org.vellum.store.image.creation.Replacement;
import org.vellum.store.image.format.Checkpoint;
import org.vellum.store.image.format.ImageIdentity;
import org.vellum.store.image.format.PageChecksums;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/**
 * Writes the last intact epoch of an image as a new image, closed in order: same region identity and address, so that
 * pointers in it stay right, and an empty log. The damaged image is only read; {@link #replace} then exchanges names.
 */
public final class ImageRepair {
    private static final int PIECE_PAGES = 256;

    private final NativeCore core;
    private final StoreFiles files;
    /** By which images are looked at. */
    private final StoreFiles reading;

    public ImageRepair(NativeCore core) {
        this(core, new NativeStoreFiles(core), NativeStoreFiles.readOnly(core));
    }

    /**
     * Over files that are not in a file system.
     *
     * @param reading by which images are looked at
     */
    public ImageRepair(NativeCore core, StoreFiles files, StoreFiles reading) {
        this.core = core;
        this.files = files;
        this.reading = reading;
    }

    /** What a new image made of another one is to be. */
    public enum Purpose {
        /** The same region, intact: its identity and address, so that pointers in it stay right. */
        REPAIR(".damaged"),
        /** A region of its own, with an identity of its own and no address yet. */
        OWN_IDENTITY(".before");

        private final String suffix;

        Purpose(String suffix) {
            this.suffix = suffix;
        }
    }

    /**
     * Writes the intact epoch of {@code damaged} to {@code target}, durably, its name included. One that an earlier
     * call has written, and did not live to say so, is taken for it.
     *
     * @param acceptDamagedPages take pages that do not fit their checksums as they are; without it they are refused
     * @throws DamagedImageException there is no intact epoch, or a page of it is damaged
     * @throws InvalidRegionException another image is there, or the new one does not fit its folder
     */
    public void write(OfflineImage damaged, ImageFiles target, boolean acceptDamagedPages) {
        write(damaged, target, acceptDamagedPages, Purpose.REPAIR);
    }

    /**
     * As the other one, of an image that nothing is wrong with.
     *
     * @param purpose of the new image
     */
    public void write(OfflineImage damaged, ImageFiles target, boolean acceptDamagedPages, Purpose purpose) {
        ImageReport report = damaged.report();
        if (report.intactEpoch().isEmpty()) {
            throw new DamagedImageException(report.image() + " holds no epoch as a whole, so it cannot be repaired;"
                    + " bring it back from a backup");
        }
        if (!report.damagedPages().isEmpty() && !acceptDamagedPages) {
            throw new DamagedImageException(
                    report.image() + ": " + report.damagedPages().size()
                            + " damaged pages, the first is page "
                            + report.damagedPages().get(0)
                            + "; a backup has them, or --accept-damaged-pages takes them as they are");
        }
        long epoch = report.intactEpoch().getAsLong();
        try {
            if (!files.exists(target.home())) {
                create(damaged, target, epoch, purpose);
            } else if (!isWritten(damaged, target, epoch, purpose)) {
                throw new InvalidRegionException(
                        target.home() + " is there already, and is another image; move its files"
                                + " away, or name another file by --output");
            }
            files.syncDirectory(target.directory(), PersistPoint.REPAIRED_NAME);
        } catch (FileFailure e) {
            throw new RegionException(report.image() + " cannot be repaired: " + e.getMessage() + "; " + e.wayOut(), e);
        }
    }

    /** Whether what is there is what would be written. */
    private boolean isWritten(OfflineImage damaged, ImageFiles target, long epoch, Purpose purpose) {
        try (OfflineImage there = OfflineImage.open(core, reading, target)) {
            if (there.report().damaged() || there.header().checkpoint().state() != Checkpoint.State.CLOSED) {
                return false;
            }
            boolean sameIdentity = there.header().identity().identity()
                    == damaged.header().identity().identity();
            return there.report().intactEpoch().getAsLong() == epoch
                    && there.header().identity().size()
                            == damaged.header().identity().size()
                    && sameIdentity == (purpose == Purpose.REPAIR);
        }
    }

    private void create(OfflineImage damaged, ImageFiles target, long epoch, Purpose purpose) throws FileFailure {
        ImageIdentity from = damaged.header().identity();
        Checkpoint old = damaged.header().checkpoint();
        boolean own = purpose == Purpose.OWN_IDENTITY;
        ImageIdentity identity = ImageIdentity.layOut(
                own ? damaged.names().region() : from.name(),
                own ? new SecureRandom().nextLong() : from.identity(),
                from.size(),
                from.segmentSize(),
                own ? System.currentTimeMillis() : from.creationTime());
        Checkpoint checkpoint = new Checkpoint(
                Checkpoint.State.CLOSED,
                identity.identity(),
                epoch,
                old.generation() + 2,
                old.sequence() + 1,
                identity.segmentSize(),
                identity.segmentSize(),
                epoch,
                own ? 0 : old.address());
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
                    renew(
                            pages.view((long) i * NativeCore.PAGE_SIZE, NativeCore.PAGE_SIZE),
                            entries.view((long) i * PageChecksums.ENTRY_SIZE, PageChecksums.ENTRY_SIZE));
                }
                to.write(
                        pages.address(),
                        (long) count * NativeCore.PAGE_SIZE,
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
        damaged.file()
                .read(pages.address(), (long) count * NativeCore.PAGE_SIZE, homeOffset + first * NativeCore.PAGE_SIZE);
        for (int i = 0; i < count; i++) {
            if (damaged.replayed().contains(first + i)) {
                pages.view((long) i * NativeCore.PAGE_SIZE, NativeCore.PAGE_SIZE)
                        .put(core.memory()
                                .view(
                                        damaged.view().address() + (first + i) * NativeCore.PAGE_SIZE,
                                        NativeCore.PAGE_SIZE));
            }
        }
    }

    /**
     * Gives a new image the names of the old one, whose files are kept; brings one that was begun and not ended to its
     * end. Until that is durable the region is refused to everybody.
     *
     * @return what the names of the old files end in
     * @throws InvalidRegionException there is no such new image
     * @throws RegionBusyException the old one is in use
     */
    public String replace(ImageFiles old, ImageFiles incoming, Purpose purpose) {
        try {
            Replacement replacement =
                    new Replacement(incoming.region(), Replacement.freeSuffix(files, old, purpose.suffix));
            if (!incoming.directory().equals(old.directory())) {
                throw new InvalidRegionException(incoming.home() + " is in another folder than " + old.home()
                        + ", and cannot take its names; move it there");
            }
            replacement.begin(core, files, old);
            replacement.finish(files, old);
            return replacement.suffix();
        } catch (FileFailure e) {
            throw new RegionException(
                    old.home() + ": the new image " + incoming.home() + " could not take its name: " + e.getMessage()
                            + "; " + e.wayOut() + " (the same command goes on where this one ended)",
                    e);
        }
    }

    /**
     * Brings a {@link #replace} to its end that was begun and not ended.
     *
     * @return what the names of the old files end in; empty: none was begun
     */
    public Optional<String> finishReplacement(ImageFiles old) {
        if (!files.exists(old.replacement())) {
            return Optional.empty();
        }
        try {
            Replacement replacement = Replacement.read(core, files, old);
            replacement.finish(files, old);
            return Optional.of(replacement.suffix());
        } catch (FileFailure e) {
            throw new RegionException(
                    old.home() + ": another image could not take its name: " + e.getMessage() + "; " + e.wayOut()
                            + " (the same command goes on where this one ended)",
                    e);
        }
    }
}
