// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Persistence;

/**
 * Files whose bytes are written through mappings, past the file system: the medium of persistent memory. Names, sizes,
 * allocation and locks stay those of the files underneath; see {@link MappedFile}.
 */
public final class MappedFiles extends ForwardingStoreFiles {
    /**
     * Is told where files are mapped, so that what is stored there can be related to the files. Called by the thread
     * that maps, before anything is stored there, and after everything was.
     */
    public interface Listener {
        /** For who need not know. */
        Listener NONE = new Listener() {
            @Override
            public void mapped(Path path, long address, long length) {}

            @Override
            public void unmapped(Path path, long address) {}
        };

        /** The file's first {@code length} bytes are at {@code address}. */
        void mapped(Path path, long address, long length);

        /** What began at {@code address} is about to be given back. */
        void unmapped(Path path, long address);
    }

    /** What a file must be for a store of the processor to reach the medium and survive a power cut. */
    public enum Demand {
        /**
         * Mapped with MAP_SYNC: the file is on persistent memory, and its blocks are durable before they can be stored
         * to.
         */
        SYNCHRONOUS,
        /** Mapped shared: anything. What survives is what the kernel keeps, whatever is fenced. */
        NONE
    }

    private final NativeCore core;
    private final Persistence persistence;
    private final Demand demand;
    private final Listener listener;
    private final List<String> remarks;

    /**
     * @param files the files underneath
     * @param persistence by which what is stored is made durable
     * @param remarks about the medium
     */
    public MappedFiles(
            StoreFiles files,
            NativeCore core,
            Persistence persistence,
            Demand demand,
            Listener listener,
            List<String> remarks) {
        super(files);
        this.core = core;
        this.persistence = persistence;
        this.demand = demand;
        this.listener = listener;
        this.remarks = List.copyOf(remarks);
    }

    @Override
    public StoreFile open(Path path, boolean create) throws FileFailure {
        boolean created = create && !exists(path);
        return MappedFile.map(super.open(path, create), created, core, persistence, demand, listener);
    }

    @Override
    public Optional<Persistence> persistence() {
        return Optional.of(persistence);
    }

    @Override
    public boolean synchronous() {
        return demand == Demand.SYNCHRONOUS;
    }

    @Override
    public List<String> remarks() {
        return remarks;
    }
}
