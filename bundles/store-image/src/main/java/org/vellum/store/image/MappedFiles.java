package org.vellum.store.image;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Persistence;

/**
 * Files whose bytes are written through mappings, past the file system: the medium of persistent memory. Names, sizes,
 * allocation and locks stay those of the files underneath; see {@link MappedFile}.
 */
public final class MappedFiles implements StoreFiles {
    /**
     * Is told where files are mapped, so that what is stored there can be related to the files. Called by the thread that
     * maps, before anything is stored there, and after everything was.
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
        /** Mapped with MAP_SYNC: the file is on persistent memory, and its blocks are durable before they can be stored to. */
        SYNCHRONOUS,
        /** Mapped shared: anything. What survives is what the kernel keeps, whatever is fenced. */
        NONE
    }

    private final StoreFiles files;
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
        this.files = files;
        this.core = core;
        this.persistence = persistence;
        this.demand = demand;
        this.listener = listener;
        this.remarks = List.copyOf(remarks);
    }

    @Override
    public StoreFile open(Path path, boolean create) throws FileFailure {
        boolean created = create && !files.exists(path);
        return MappedFile.map(files.open(path, create), created, core, persistence, demand, listener);
    }

    @Override
    public boolean exists(Path path) {
        return files.exists(path);
    }

    @Override
    public void rename(Path from, Path to) throws FileFailure {
        files.rename(from, to);
    }

    @Override
    public void delete(Path path) throws FileFailure {
        files.delete(path);
    }

    @Override
    public boolean isDirectory(Path path) {
        return files.isDirectory(path);
    }

    @Override
    public boolean isWritable(Path directory) {
        return files.isWritable(directory);
    }

    @Override
    public void createDirectory(Path directory) throws FileFailure {
        files.createDirectory(directory);
    }

    /** Names are the file system's, whatever the files' bytes are on. */
    @Override
    public void syncDirectory(Path directory, PersistPoint point) throws FileFailure {
        files.syncDirectory(directory, point);
    }

    @Override
    public long freeSpace(Path directory) throws FileFailure {
        return files.freeSpace(directory);
    }

    @Override
    public Optional<Persistence> persistence() {
        return Optional.of(persistence);
    }

    @Override
    public boolean outliveProcess() {
        return files.outliveProcess();
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
