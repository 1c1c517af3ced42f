// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import java.io.IOException;
import java.io.StringReader;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.vellum.api.RegionException;

/**
 * In which durable store each region was opened last, so that it is not created anew in another while its own is not there.
 * One small file a region, {@code NAME.vellum-store}, beside the files of the regions: it is there after a restart, after the
 * framework's cache was cleaned, and whether or not Config Admin can be written to.
 *
 * <p>A record says nothing that a store does not know better: it counts only where no store that is there has the region. One
 * that cannot be written costs that protection and nothing else. Safe for use by many threads.
 */
public final class StoreRecords {
    /** Remembers nothing. */
    public static final StoreRecords NONE = new StoreRecords(List.of());

    static final String SUFFIX = ".vellum-store";
    private static final String STORE = "store";

    private static final Logger LOGGER = System.getLogger(StoreRecords.class.getName());
    private static final Set<PosixFilePermission> OWNERS_FOLDER = PosixFilePermissions.fromString("rwx------");

    /** Where the records of regions are that name no folder: the first that can be written to. */
    private final List<Path> folders;

    private final AtomicBoolean said = new AtomicBoolean();

    public StoreRecords(List<Path> folders) {
        this.folders = List.copyOf(folders);
    }

    /** @param file where it says so */
    record Entry(String store, Path file) {}

    /**
     * The record of a region.
     *
     * @param directory as in the region's options, or null
     * @throws RegionException there is one, and it cannot be read
     */
    Optional<Entry> of(String region, Path directory) {
        for (Path folder : folders(directory)) {
            Path file = folder.resolve(region + SUFFIX);
            try {
                return Optional.of(new Entry(parse(file), file));
            } catch (NoSuchFileException e) {
                // not in this folder
            } catch (IOException | IllegalArgumentException e) {
                if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
                    continue; // such as a folder that is a file
                }
                throw new RegionException(
                        "region '" + region + "': " + file + ", which says in which store it is, cannot be read: " + e
                                + "; put it right (a line such as store=file), or delete it to have a store chosen anew",
                        e);
            }
        }
        return Optional.empty();
    }

    private static String parse(Path file) throws IOException {
        Properties properties = new Properties();
        properties.load(new StringReader(Files.readString(file)));
        String store = properties.getProperty(STORE, "");
        if (store.isBlank()) {
            throw new IllegalArgumentException("it names no store");
        }
        return store.strip();
    }

    /** Notes the store that a region is in now. */
    public void remember(String region, Path directory, String store) {
        IOException failure = null;
        for (Path folder : folders(directory)) {
            try {
                write(folder, region, store);
                return;
            } catch (IOException e) {
                failure = e;
            }
        }
        if (failure != null && said.compareAndSet(false, true)) {
            LOGGER.log(
                    Level.WARNING,
                    "region ''{0}'': that it is in store ''{1}'' cannot be noted: {2}; while that store is not there, a store"
                            + " chosen by auto may be given a new region of this name. Name the store in its options, or make"
                            + " the folder writable",
                    region,
                    store,
                    failure);
        }
    }

    private static void write(Path folder, String region, String store) throws IOException {
        Path file = folder.resolve(region + SUFFIX);
        try {
            if (parse(file).equals(store)) {
                return;
            }
        } catch (IOException | IllegalArgumentException e) {
            // to be written
        }
        if (!Files.isDirectory(folder)) {
            Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(OWNERS_FOLDER));
        }
        Path unfinished = Files.createTempFile(folder, "." + region, SUFFIX);
        try {
            Files.writeString(
                    unfinished,
                    "# The store in which region '" + region
                            + "' was opened last. With this file deleted, a store is chosen\n"
                            + "# anew where no store has the region.\n" + STORE + "=" + store + "\n");
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    private List<Path> folders(Path directory) {
        return directory == null || folders.isEmpty() ? folders : List.of(directory);
    }
}
