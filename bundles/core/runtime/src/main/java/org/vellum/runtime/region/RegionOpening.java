// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.region;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.vellum.api.AddressTakenException;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionException;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.InPlace;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.api.provider.Tracking;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.NativeCallException;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativeRegion;
import org.vellum.runtime.commit.CommitScheme;
import org.vellum.runtime.commit.InPlaceScheme;
import org.vellum.runtime.commit.RedoScheme;
import org.vellum.runtime.providers.Providers;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.services.RegionContext;
import org.vellum.runtime.services.RuntimeServices;
import org.vellum.runtime.swap.ImagePlaces;

/** Puts one region together, step by step, or takes every step back. Used once, by one thread. */
public final class RegionOpening {
    private final String name;
    /** With the folder of the image, if the store tells. */
    private final RegionOptions options;

    private final Tuple tuple;
    private final RuntimeServices services;
    private final NativeCore core;
    private final List<String> remarks = new ArrayList<>();
    private final Deque<Runnable> undo = new ArrayDeque<>();
    private Runnable retireRange;
    /** Of the region's range, once that is reserved. */
    private long base;
    /** Once it was created. */
    private NativeRegion region;

    private RegionOpening(String name, RegionOptions options, Tuple tuple, RuntimeServices services) {
        this.name = name;
        this.options = options;
        this.tuple = tuple;
        this.services = services;
        this.core = services.core();
    }

    /**
     * Opens the region of a name that has been checked.
     *
     * @param tuple the providers to open it with
     * @param providers gives those there are later, as a snapshot, for swaps
     * @param listener told what becomes of the region
     * @throws RegionException as {@link org.vellum.api.RegionManager#open} says; nothing is left behind
     */
    public static OpenRegion open(
            String name,
            RegionOptions options,
            Tuple tuple,
            RuntimeServices services,
            Supplier<Providers> providers,
            RegionListener listener) {
        Optional<Path> home = ImagePlaces.of(name, options, tuple.store());
        RegionOpening opening =
                new RegionOpening(name, home.map(options::withDirectory).orElse(options), tuple, services);
        try {
            CommitScheme scheme = opening.run();
            RegionContext context =
                    new RegionContext(name, opening.base, scheme.image().size(), opening.region, services);
            return new OpenRegion(
                    new OpenRegion.Opened(context, tuple, scheme, options, home, opening.remarks), providers, listener);
        } catch (RuntimeException | Error e) {
            opening.takeBack(e);
            throw e;
        }
    }

    private CommitScheme run() {
        RegionChecks.checkAddress(name, options.address());
        long wantedSize = roundedSize();
        StoreImage image = tuple.store()
                .open(
                        new Store.Request(name, options.directory().orElse(null), wantedSize, options.logSize()),
                        services.observers());
        undo.push(image::close);
        checkFits(image, wantedSize);
        base = reserve(image);
        return inPlace(image).orElseGet(() -> redo(image));
    }

    private long roundedSize() {
        long size = RegionChecks.roundUpToPage(name, options.size());
        if (size != options.size()) {
            remarks.add(
                    "size " + options.size() + " rounded up to " + size + " (page size " + NativeCore.PAGE_SIZE + ")");
        }
        return size;
    }

    private void checkFits(StoreImage image, long wantedSize) {
        if (wantedSize != 0 && wantedSize != image.size()) {
            throw new InvalidRegionException("region '" + name + "' exists with " + image.size() + " bytes, but "
                    + wantedSize + " were asked for; open it with its own size or without one");
        }
        if (options.address() != 0 && image.address() != 0 && options.address() != image.address()) {
            throw new InvalidRegionException("region '" + name + "' exists at address 0x"
                    + Long.toHexString(image.address()) + ", but 0x" + Long.toHexString(options.address())
                    + " was asked for; open it without an address");
        }
    }

    private long reserve(StoreImage image) {
        long size = image.size();
        long wanted = image.address() != 0 ? image.address() : options.address();
        long reserved = core.ranges().reserve(wanted, size, image.identity());
        if (reserved == -Errno.EEXIST && wanted != 0) {
            throw addressTaken(wanted, size, image.address() != 0);
        }
        if (reserved < 0) {
            throw new RegionException("region '" + name + "': cannot reserve " + size + " bytes of address space"
                    + (wanted == 0 ? "" : " at 0x" + Long.toHexString(wanted)) + ": " + Errno.describe((int) reserved)
                    + wayOut((int) -reserved));
        }
        retireRange = () -> core.ranges().retire(reserved, size);
        undo.push(retireRange);
        if (image.address() == 0) {
            image.recordAddress(reserved);
        }
        return reserved;
    }

    /** The end of the sentence for a range that cannot be reserved or mapped, by what {@code memfd_create} and {@code mmap} refuse with. */
    private static String wayOut(int errno) {
        return switch (errno) {
            case Errno.ENOMEM -> "; raise the process's limit of address space (ulimit -v), or vm.max_map_count";
            case Errno.EPERM, Errno.EACCES, Errno.ENOSYS ->
                "; every region needs memfd_create and mmap: let the process's" + " sandbox (seccomp) allow them";
            case Errno.EMFILE -> "; raise the process's limit of open files (ulimit -n)";
            case Errno.EEXIST -> "; all addresses for regions of this size are taken: close some";
            default -> "";
        };
    }

    /** @param recorded the image has it, and can have no other */
    private AddressTakenException addressTaken(long wanted, long size, boolean recorded) {
        Optional<String> other = ProcessMappings.regionIn(wanted, size);
        String taken = "region '" + name + "' must be mapped at " + RegionChecks.range(wanted, size)
                + other.map(region -> ", where " + region + " is open in this process")
                        .orElseGet(() -> ", but this process has there: " + ProcessMappings.overlapping(wanted, size));
        if (!recorded) {
            return new AddressTakenException(taken + "; ask for another address, or for none");
        }
        return new AddressTakenException(taken
                + (other.isPresent()
                        ? ": one image is a copy of the other, and a copy has the address of what it was copied from. Close"
                                + " that region first"
                        : "; addresses are given out anew at every start, so start the JVM again, or open the region before"
                                + " what takes its place is loaded; what is there at every start was sent there"
                                + " (-XX:HeapBaseMinAddress): send it elsewhere")
                + ". Or, if nothing in the image depends on its address, as pointers to itself do, './vellum verify "
                + image() + " --new-identity' gives it an identity and an address of its own");
    }

    /** Its file, for a command. */
    private String image() {
        return tuple.store()
                .place(new Store.Request(name, options.directory().orElse(null), 0, 0))
                .flatMap(Place::folder)
                .map(folder -> folder.resolve(name + ".vellum").toString())
                .orElse("IMAGE");
    }

    /**
     * The region written in place, where its strategy intercepts first stores and its store is one that the processor
     * addresses; empty: it goes by redo, and a remark says why if it could have been otherwise.
     */
    private Optional<CommitScheme> inPlace(StoreImage image) {
        if (tuple.strategy().tracking() != Tracking.WRITE_PROTECT) {
            return Optional.empty();
        }
        Optional<InPlace> begun;
        try {
            begun = image.beginInPlace();
            if (begun.isEmpty()) {
                return Optional.empty();
            }
            createInPlace(image, begun.get());
        } catch (RegionException e) {
            remarks.add("not written in place, but by redo: " + e.getMessage());
            return Optional.empty();
        }
        attach();
        return Optional.of(new InPlaceScheme(core, image, begun.get(), region));
    }

    private void createInPlace(StoreImage image, InPlace inPlace) {
        Runnable end = () -> image.endInPlace(image.epoch());
        NativeRegion created;
        try {
            created = core.regions().createInPlace(base, image.size(), inPlace);
        } catch (NativeCallException e) {
            end.run();
            throw new RegionException(
                    "region '" + name + "': cannot map its home image for stores in place: " + e.reason()
                            + wayOut(e.errno()),
                    e);
        }
        undo.push(end);
        own(created);
    }

    private CommitScheme redo(StoreImage image) {
        own(create(image));
        attach();
        return RedoScheme.create(name, core, image, region);
    }

    private NativeRegion create(StoreImage image) {
        try {
            return core.regions()
                    .create(base, image.size(), image.homeFile(), image.homeOffset(), image.committedView());
        } catch (NativeCallException e) {
            throw new RegionException(
                    "region '" + name + "': cannot map its image of " + image.size() + " bytes at 0x"
                            + Long.toHexString(base) + ": " + e.reason() + wayOut(e.errno()),
                    e);
        }
    }

    /** Closing the region retires its range too. */
    private void own(NativeRegion created) {
        region = created;
        undo.remove(retireRange);
        undo.push(created::close);
    }

    private void attach() {
        Tuple.Operations operations;
        try {
            operations = tuple.operations();
        } catch (RuntimeException | LinkageError e) {
            throw new RegionException(cannotAttach(e.toString()), e);
        }
        region.attach(operations.vmm(), operations.pageTable(), operations.strategy())
                .ifPresent(refusal -> {
                    throw new RegionException(cannotAttach(refusal));
                });
    }

    private String cannotAttach(String reason) {
        return "region '" + name + "': cannot be attached to " + tuple.names() + ": " + reason
                + "; select other providers";
    }

    private void takeBack(Throwable failure) {
        while (!undo.isEmpty()) {
            try {
                undo.pop().run();
            } catch (RuntimeException | Error e) {
                failure.addSuppressed(e);
            }
        }
    }
}
