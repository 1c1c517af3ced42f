// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.memory;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.bundle.Capability;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.RegionException;
import org.vellum.api.provider.IncomingImage;
import org.vellum.api.provider.PhaseObserver;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.ProviderNamespace;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.StoreImage;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativePersistence;
import org.vellum.nativelib.Persistence;
import org.vellum.nativelib.Recorder;
import org.vellum.store.image.Images;
import org.vellum.store.image.medium.FileFailure;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.medium.MappedFiles;
import org.vellum.store.image.medium.MappedFiles.Demand;

/**
 * Images and logs in files in memory, written as persistent memory is. A region's content survives its close and is gone
 * with this component, so it says that it is not durable, and has to be asked for.
 */
@Component(
        service = {Store.class, SimulatedMemory.class},
        immediate = true,
        property = {
            Store.PROPERTY + "=" + MemoryStore.NAME,
            Store.DURABLE_PROPERTY + ":Boolean=false",
            "service.ranking:Integer=-200"
        })
@Capability(
        namespace = ProviderNamespace.PROVIDER,
        name = ProviderNamespace.STORE,
        attribute = {ProviderNamespace.NAME + "=memory", ProviderNamespace.IS_PORTABLE})
public final class MemoryStore implements Store, SimulatedMemory {
    static final String NAME = "memory";

    private static final Place PLACE = new Place(NAME, Optional.empty());

    private static final String FORGETS =
            "SIMULATED: the store memory keeps regions in the memory of this process; they are gone when it ends";

    private final NativeCore core;
    private final NativePersistence library;
    private final Persistence persistence;
    private final MemoryFiles files;
    private final OpenMappings mappings = new OpenMappings();

    /** Null while nothing is recorded. Guarded by this. */
    private @Nullable Recording recording;

    @Activate
    public MemoryStore(@Reference NativeCore core, @Reference NativePersistence library) {
        this.core = core;
        this.library = library;
        this.persistence = library.forProcessor(false);
        this.files = new MemoryFiles(core);
    }

    /** The runtime has closed every image before the service is gone. */
    @Deactivate
    synchronized void forget() {
        files.close();
        if (recording != null) {
            recording.recorder().close();
            recording = null;
        }
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public StoreImage open(Request request, PhaseObserver observer) {
        return Images.open(core, mapped(), ImageFiles.of(request, FOLDER), request, observer);
    }

    @Override
    public Presence presence(Request request) {
        return Images.presence(core, files, ImageFiles.of(request, FOLDER));
    }

    @Override
    public Optional<Place> place(Request request) {
        return Optional.of(PLACE);
    }

    @Override
    public IncomingImage receive(Request request, Origin origin) {
        return Images.receive(core, mapped(), ImageFiles.of(request, FOLDER), request, origin, PLACE);
    }

    private synchronized MappedFiles mapped() {
        return recording == null ? mapped(persistence, mappings) : mapped(recording.recorder(), recording);
    }

    private MappedFiles mapped(Persistence through, MappedFiles.Listener listener) {
        return new MappedFiles(files, core, through, Demand.NONE, listener, List.of(FORGETS));
    }

    @Override
    public synchronized Recorder startRecording(long capacity) {
        if (recording != null) {
            throw new IllegalStateException("the store memory is being recorded already; stop that first");
        }
        recording = new Recording(library.record(persistence, capacity), mappings);
        return recording.recorder();
    }

    @Override
    public synchronized void stopRecording() {
        Recording stopped = current();
        if (!stopped.idle()) {
            throw new IllegalStateException("a recorded region of the store memory is open; close it first");
        }
        recording = null;
        stopped.recorder().close();
    }

    @Override
    public synchronized Map<Integer, Path> media() {
        return current().media();
    }

    private Recording current() {
        if (recording == null) {
            throw new IllegalStateException("the store memory is not being recorded; start that first");
        }
        return recording;
    }

    @Override
    public Map<Path, byte[]> content() {
        try {
            return files.content();
        } catch (FileFailure e) {
            throw new RegionException("store memory: its content cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public synchronized void replace(Map<Path, byte[]> content) {
        if (!mappings.none()) {
            throw new IllegalStateException("a region of the store memory is open; close it first");
        }
        try {
            files.replace(content);
        } catch (FileFailure e) {
            throw new RegionException("store memory: its content cannot be replaced: " + e.getMessage(), e);
        }
    }
}
