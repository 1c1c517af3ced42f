// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.testing;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Persistence;
import org.vellum.store.image.Images;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ForwardingStoreFile;
import org.vellum.store.image.medium.ForwardingStoreFiles;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.MappedFiles;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;
import org.vellum.store.image.medium.StoreFiles;

/** Real images in a folder of its own, with an eye on what is written there, and a hand in it. */
public final class FolderStore implements Store {
    /** May throw, and may wait. */
    public interface Hook {
        void before(String call, Path path) throws FileFailure;
    }

    private final NativeCore core;
    private final String name;
    private final Path folder;
    /** By which mapped files are written; null: these are not mapped. */
    private final Persistence persistence;

    public volatile Hook hook = (call, path) -> {};

    public FolderStore(NativeCore core, String name, Path folder) {
        this(core, name, folder, null);
    }

    /** As on persistent memory: regions can be written in place. */
    public FolderStore(NativeCore core, String name, Path folder, Persistence persistence) {
        this.core = core;
        this.name = name;
        this.folder = folder;
        this.persistence = persistence;
    }

    ImageFiles files(String region) {
        return new ImageFiles(folder, region);
    }

    private StoreFiles hooked() {
        StoreFiles files = new HookedFiles(new NativeStoreFiles(core));
        return persistence == null
                ? files
                : new MappedFiles(
                        files, core, persistence, MappedFiles.Demand.NONE, MappedFiles.Listener.NONE, List.of());
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public StoreImage open(Request request, PhaseObserver observer) {
        return Images.open(core, hooked(), files(request.region()), request, observer);
    }

    @Override
    public Presence presence(Request request) {
        return Images.presence(core, files(request.region()));
    }

    @Override
    public Optional<Place> place(Request request) {
        return Optional.of(new Place(name, Optional.of(folder)));
    }

    @Override
    public IncomingImage receive(Request request, Origin origin) {
        return Images.receive(
                core,
                hooked(),
                files(request.region()),
                request,
                origin,
                place(request).orElseThrow());
    }

    private final class HookedFiles extends ForwardingStoreFiles {
        private HookedFiles(StoreFiles files) {
            super(files);
        }

        @Override
        public StoreFile open(Path path, boolean create) throws FileFailure {
            hook.before("open", path);
            return new HookedFile(super.open(path, create));
        }

        @Override
        public void rename(Path from, Path to) throws FileFailure {
            hook.before("rename", from);
            super.rename(from, to);
        }

        @Override
        public void syncDirectory(Path directory, PersistPoint point) throws FileFailure {
            hook.before(point.name(), directory);
            super.syncDirectory(directory, point);
        }
    }

    private final class HookedFile extends ForwardingStoreFile {
        private HookedFile(StoreFile file) {
            super(file);
        }

        @Override
        public void write(long address, long length, long offset) throws FileFailure {
            hook.before("write", path());
            super.write(address, length, offset);
        }

        @Override
        public void syncData(PersistPoint point) throws FileFailure {
            hook.before(point.name(), path());
            super.syncData(point);
        }
    }
}
