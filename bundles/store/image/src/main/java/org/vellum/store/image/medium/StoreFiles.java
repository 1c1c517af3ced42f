// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.vellum.nativelib.Persistence;

/** The file system as far as the store uses it; see {@link StoreFile}. */
public interface StoreFiles {
    /** Opens for reading and writing. */
    StoreFile open(Path path, boolean create) throws FileFailure;

    boolean exists(Path path);

    /** Replaces {@code to} atomically. Durable only after {@link #syncDirectory}. */
    void rename(Path from, Path to) throws FileFailure;

    /** Removes a file if it is there. */
    void delete(Path path) throws FileFailure;

    /** Whether there is a folder of this name, or a link to one. */
    boolean isDirectory(Path path);

    /** Whether this user may make names in a folder. */
    boolean isWritable(Path directory);

    /** Creates a folder in one that exists, unless it is there. Durable only after {@link #syncDirectory}. */
    void createDirectory(Path directory) throws FileFailure;

    /**
     * Makes the names in a folder durable.
     *
     * @param point which of all the calls this is
     */
    void syncDirectory(Path directory, PersistPoint point) throws FileFailure;

    /** Bytes an ordinary user may still allocate there. */
    long freeSpace(Path directory) throws FileFailure;

    /** By what stores to {@link StoreFile#mapping} become durable; empty: files here have none. */
    default Optional<Persistence> persistence() {
        return Optional.empty();
    }

    /** Whether a shared mapping must be one with MAP_SYNC, so that what is fenced survives a power cut. */
    default boolean synchronous() {
        return false;
    }

    /** Whether files here are still there when this process has ended. */
    default boolean outliveProcess() {
        return true;
    }

    /** Sentences about the medium, for the status of the regions on it. */
    default List<String> remarks() {
        return List.of();
    }
}
