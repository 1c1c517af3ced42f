// SPDX-License-Identifier: Apache-2.0
package org.acme.vellum.providers;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.osgi.annotation.bundle.Capability;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.propertytypes.ServiceRanking;
import org.vellum.api.provider.Diagnosis;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.ProviderNamespace;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.Images;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ForwardingStoreFile;
import org.vellum.store.image.medium.ForwardingStoreFiles;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.NativeStoreFiles;
import org.vellum.store.image.medium.PersistPoint;
import org.vellum.store.image.medium.StoreFile;

/**
 * The store {@code counting}: ordinary files in a folder of its own, on a medium that counts what is written and synced. A store
 * says where files are and what each call on them does; format, log and recovery are the library's.
 */
@Component(
        service = {Store.class, Diagnosis.class},
        property = {Store.PROPERTY + "=" + CountingStore.NAME, Store.DURABLE_PROPERTY + ":Boolean=true"})
@ServiceRanking(-1000)
@Capability(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.STORE,
        attribute = {ProviderNamespace.NAME + "=counting", ProviderNamespace.IS_DURABLE})
public final class CountingStore implements Store, Diagnosis {
    static final String NAME = "counting";
    static final String FOLDER = "acme.counting.directory";

    private final AtomicLong writtenBytes = new AtomicLong();
    private final AtomicLong syncs = new AtomicLong();
    private final NativeCore core;
    private final Files files;
    private final Path folder;

    @Activate
    public CountingStore(@Reference NativeCore core, BundleContext context) {
        this.core = core;
        files = new Files(core);
        String configured = context.getProperty(FOLDER);
        folder = Path.of(configured == null ? "counting-regions" : configured).toAbsolutePath();
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public StoreImage open(Request request, PhaseObserver observer) {
        return Images.open(core, files, names(request), request, observer);
    }

    /** Asked of every store before a region is created: without it, one that exists here could be created elsewhere again. */
    @Override
    public Presence presence(Request request) {
        return Images.presence(core, names(request));
    }

    @Override
    public Optional<Place> place(Request request) {
        return Optional.of(names(request).place(NAME));
    }

    /** With this a region can be moved here by {@code Region.swap}. */
    @Override
    public IncomingImage receive(Request request, Origin origin) {
        ImageFiles names = names(request);
        return Images.receive(core, files, names, request, origin, names.place(NAME));
    }

    private ImageFiles names(Request request) {
        return ImageFiles.of(request, folder);
    }

    @Override
    public String title() {
        return "Store " + NAME;
    }

    @Override
    public List<Finding> examine() {
        return List.of(
                Finding.fact("folder", folder.toString()),
                Finding.fact("written", writtenBytes.get() + " bytes"),
                Finding.fact("synced", syncs.get() + " times"));
    }

    /** The medium. */
    private final class Files extends ForwardingStoreFiles {
        Files(NativeCore core) {
            super(new NativeStoreFiles(core));
        }

        @Override
        public StoreFile open(Path path, boolean create) throws FileFailure {
            return new File(super.open(path, create));
        }
    }

    private final class File extends ForwardingStoreFile {
        File(StoreFile file) {
            super(file);
        }

        @Override
        public void write(long address, long length, long offset) throws FileFailure {
            super.write(address, length, offset);
            writtenBytes.addAndGet(length);
        }

        /** What was written is durable when this returns, or it throws; a commit is acknowledged behind it. */
        @Override
        public void syncData(PersistPoint point) throws FileFailure {
            super.syncData(point);
            syncs.incrementAndGet();
        }
    }
}
