// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.subjects;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.vellum.api.CommitException;
import org.vellum.api.RegionException;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.crash.enumeration.CrashImage;
import org.vellum.crash.enumeration.RecordingMedium;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.internal.JnaNativeCore;
import org.vellum.store.image.Images;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeMemory;
import org.vellum.store.image.medium.StoreFiles;

/**
 * A small region's image on a recording medium, and what a workload does with it; tells the oracle all along. What is
 * compared is the region's address and every byte of it.
 */
final class ImageSession implements AutoCloseable {
    static final int PAGES = 8;
    static final int SIZE = PAGES * NativeCore.PAGE_SIZE;

    static final NativeCore CORE = new JnaNativeCore();
    static final ImageFiles NAMES = new ImageFiles(Path.of("/regions"), "orders");
    /** Two segments of one page: a few batches fill one. */
    private static final long LOG = 2 * NativeCore.PAGE_SIZE;

    private static final long FAILURE_TIMEOUT_NANOSECONDS = 20_000_000_000L;
    static final long ADDRESS = 0x100000000000L;
    private static final Place MEMORY = new Place("memory", Optional.empty());

    final Faults faults = new Faults();

    private final Turns turns;
    private final RecordingMedium medium;
    private final PrivateMappings mappings;
    private final NativeCore core;
    /** Where the image is. */
    private StoreFiles files;
    /** The same files as anybody sees them. */
    private final StoreFiles ordinary;

    private ImageFiles names;
    private StoreImage image;
    private long address = ADDRESS;
    private byte[] content = new byte[SIZE];
    /** What failed to be committed and is not rolled back. */
    private Changes carried = new Changes();

    ImageSession(RecordingMedium medium, Layer layer, ImageFiles names) {
        this.medium = medium;
        this.names = names;
        turns = new Turns(medium);
        medium.intercept(turns);
        mappings = new PrivateMappings(CORE);
        core = mappings.core();
        files = layer.files(CORE, medium, faults, mappings);
        ordinary = Layer.FILES.files(CORE, medium, faults, mappings);
    }

    /** Before anything is done: what a crash during creation may leave. */
    void beginNew() {
        medium.begun(0, compared(0, content));
    }

    /** A new image, with an address. */
    void create() {
        beginNew();
        open();
        recordAddress();
    }

    /** Instead of {@link #create}, for an image that is there. */
    void continueWith(long epoch, long itsAddress, byte[] itsContent) {
        address = itsAddress;
        content = itsContent;
        medium.begun(epoch, compared(address, content));
        medium.acknowledged(epoch);
    }

    void open() {
        open(SIZE);
    }

    /** Refuses to create. */
    void openExisting() {
        open(0);
    }

    private void open(long size) {
        medium.phase("open");
        turns.opened();
        image = Images.open(core, files, ordinary, names, request(size), turns);
    }

    private Store.Request request(long size) {
        return new Store.Request(names.region(), null, size, LOG);
    }

    /** To another folder; the commits in the middle change pages that are there already. */
    void moveTo(Layer layer, ImageFiles to, Changes... meanwhile) {
        StoreFiles target = layer.files(CORE, medium, faults, mappings);
        IncomingImage arrival = arrive(target, to, meanwhile);
        medium.phase("depart");
        image.depart(placeOf(to));
        medium.phase("open there");
        turns.opened();
        StoreImage there = arrival.open(turns);
        image.close();
        image = there;
        files = target;
        names = to;
    }

    /** To files that are on no medium: a crash leaves nothing of them. */
    void moveToMemory() {
        medium.phase("to memory");
        StoreFiles memory = Layer.MAPPED.files(CORE, new RecordingMedium(CrashImage.EMPTY), new Faults(), mappings);
        IncomingImage arrival = begin(memory, names, placeOf(names), MEMORY);
        arrival.write(0, PAGES, image.committedView());
        arrival.complete(image.epoch());
        image.depart(MEMORY);
        StoreImage there = arrival.open((region, phase) -> {});
        image.close();
        image = there;
    }

    /** There: it may be found once the image is in a folder again, and need not be. */
    void commitInMemory(Changes changes) {
        byte[] next = changes.appliedTo(content);
        medium.begun(image.epoch() + 1, compared(address, next));
        try (NativeMemory batch = changes.batch(CORE)) {
            image.persist(batch.address(), changes.length());
            image.apply(batch.address(), changes.length());
        }
        content = next;
    }

    /** From there to where it came from. */
    void moveFromMemory() {
        medium.phase("from memory");
        turns.plan(0, 0);
        IncomingImage arrival = begin(files, names, MEMORY, placeOf(names));
        arrival.write(0, PAGES, image.committedView());
        arrival.complete(image.epoch());
        image.depart(placeOf(names));
        turns.opened();
        StoreImage there = arrival.open(turns);
        image.close();
        image = there;
        medium.acknowledged(image.epoch());
    }

    private IncomingImage begin(StoreFiles target, ImageFiles to, Place from, Place place) {
        return Images.receive(
                core, target, to, request(SIZE), new Store.Origin(image.identity(), image.address(), from), place);
    }

    /** As {@link #moveTo}, but the image stays in the end. */
    void moveFails(Layer layer, ImageFiles to, Changes... meanwhile) {
        IncomingImage arrival = arrive(layer.files(CORE, medium, faults, mappings), to, meanwhile);
        medium.phase("depart");
        try {
            image.depart(placeOf(to));
        } catch (RegionException expected) {
            medium.phase("stay");
            image.forgetFailedBatch();
            arrival.close();
            return;
        }
        throw new IllegalStateException("a move was to fail, and did not");
    }

    private IncomingImage arrive(StoreFiles target, ImageFiles to, Changes... meanwhile) {
        medium.phase("copy");
        turns.plan(0, 0); // the zeros of the new log are no batches
        IncomingImage arrival = begin(target, to, placeOf(names), placeOf(to));
        arrival.write(0, PAGES, image.committedView());
        for (Changes changes : meanwhile) {
            commit(changes);
        }
        medium.phase("complete");
        arrival.write(0, PAGES, image.committedView());
        arrival.complete(image.epoch());
        return arrival;
    }

    private static Place placeOf(ImageFiles files) {
        return new Place("recorded", Optional.of(files.directory()));
    }

    StoreFiles files() {
        return files;
    }

    void recordAddress() {
        medium.begun(0, compared(address, content));
        image.recordAddress(address);
        medium.acknowledged(0);
    }

    /** Behind {@link #open} on a crash image: what it found is what counts from now on. */
    void recovered() {
        content = new byte[SIZE];
        CORE.memory().view(image.committedView(), SIZE).get(content);
        medium.recovered(image.epoch(), compared(image.address(), content));
        if (image.address() == 0) {
            recordAddress();
        } else {
            address = image.address();
        }
    }

    static byte[] compared(long address, byte[] region) {
        return ByteBuffer.allocate(Long.BYTES + SIZE)
                .putLong(address)
                .put(region)
                .array();
    }

    long epoch() {
        return image.epoch();
    }

    void commit(Changes changes) {
        commit(changes, 0, 0);
    }

    /** @see Turns#plan */
    void commit(Changes changes, int trimBeforeWrite, int trimBeforeSync) {
        turns.plan(trimBeforeWrite, trimBeforeSync);
        persist(changes);
        turns.finish();
    }

    /** Written in place from now on, which nobody does, and then no more. */
    void beginAndEndInPlace() {
        medium.phase("in place");
        if (image.beginInPlace().isEmpty()) {
            throw new IllegalStateException("this image cannot be written in place");
        }
        image.endInPlace(image.epoch());
        turns.opened();
        medium.phase("logged");
    }

    /** A commit behind which, before the trim that it caused begins, the medium loses a slot and the process is killed. */
    void commitBeforeDamageAndKill(Changes changes, int slot) {
        turns.plan(0, 0);
        persist(changes);
        byte[] garbage = new byte[512];
        Arrays.fill(garbage, (byte) 0xDB);
        medium.open(names.home().toString()).damage(HomeCheck.slotOffset(slot), garbage);
        medium.end();
        turns.finish();
    }

    /** A commit that fails; its changes are part of the next one. */
    void commitFails(Changes changes) {
        try {
            persist(changes);
        } catch (CommitException expected) {
            turns.finish();
            carried = carried.and(changes);
            return;
        }
        throw new IllegalStateException("a commit was to fail, and did not");
    }

    private void persist(Changes changes) {
        Changes all = carried.and(changes);
        long epoch = image.epoch() + 1;
        byte[] next = all.appliedTo(content);
        medium.begun(epoch, compared(address, next));
        try (NativeMemory batch = all.batch(CORE)) {
            image.persist(batch.address(), all.length());
            medium.acknowledged(epoch);
            image.apply(batch.address(), all.length());
        }
        content = next;
        carried = new Changes();
    }

    /** Behind a commit whose trim fails: until the image says so. */
    void awaitFailedTrim() {
        long end = System.nanoTime() + FAILURE_TIMEOUT_NANOSECONDS;
        while (image.remarks().stream().noneMatch(remark -> remark.contains("cannot be trimmed"))) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("a trim was to fail, and did not: " + image.remarks());
            }
            Thread.onSpinWait();
        }
        turns.expectRetry();
    }

    /** What failed to be committed is gone for good. */
    void rollback() {
        image.forgetFailedBatch();
        medium.withdrawn(image.epoch() + 1);
        carried = new Changes();
    }

    /** In order; then the home image holds exactly this, page by page as its checksums say. */
    void closeImage() {
        medium.phase("close");
        image.close();
        image = null;
        try {
            HomeCheck.check(CORE, files, names, content);
        } catch (FileFailure e) {
            throw new IllegalStateException("the home image cannot be read behind close", e);
        }
    }

    /** Lets go of what a failure left open. */
    @Override
    public void close() {
        medium.intercept(null);
        if (image != null) {
            image.close();
        }
        if (faults.pending()) {
            throw new IllegalStateException("something was to fail and was never tried");
        }
    }
}
