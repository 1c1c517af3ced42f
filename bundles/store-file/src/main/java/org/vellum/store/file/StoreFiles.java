package org.vellum.store.file;

import java.nio.file.Path;

/** The file system as far as the store uses it; see {@link StoreFile}. */
interface StoreFiles {
    /** Opens for reading and writing. */
    StoreFile open(Path path, boolean create) throws FileFailure;

    boolean exists(Path path);

    /** Replaces {@code to} atomically. Durable only after {@link #syncDirectory}. */
    void rename(Path from, Path to) throws FileFailure;

    /** Removes a file if it is there. */
    void delete(Path path) throws FileFailure;

    /** Creates a folder and its missing parents, durably; one that exists is made durable in its parent. */
    void createDirectories(Path directory) throws FileFailure;

    /** Makes the names in a folder durable. */
    void syncDirectory(Path directory) throws FileFailure;

    /** Bytes an ordinary user may still allocate there. */
    long freeSpace(Path directory) throws FileFailure;
}
