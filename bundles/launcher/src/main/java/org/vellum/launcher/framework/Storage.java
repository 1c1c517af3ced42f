package org.vellum.launcher.framework;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import org.vellum.launcher.command.CommandFailure;

/**
 * The folder a framework keeps its files in: its bundle cache, the configurations, and the regions that name no folder
 * of their own. Temporary, or one the user named, which stays.
 */
public final class Storage implements AutoCloseable {
    private final Path folder;
    private final boolean temporary;

    private Storage(Path folder, boolean temporary) {
        this.folder = folder;
        this.temporary = temporary;
    }

    /** A new folder that {@link #close()} deletes. */
    public static Storage temporary() {
        try {
            return new Storage(Files.createTempDirectory("vellum-"), true);
        } catch (IOException e) {
            throw new CommandFailure("no temporary folder can be made in " + System.getProperty("java.io.tmpdir")
                    + " (" + e + "): name a folder with --storage", e);
        }
    }

    /** A folder that stays; made if absent. */
    public static Storage at(Path folder) {
        try {
            return new Storage(Files.createDirectories(folder).toAbsolutePath(), false);
        } catch (IOException e) {
            throw new CommandFailure("storage folder " + folder + " cannot be made: " + e, e);
        }
    }

    public Path folder() {
        return folder;
    }

    /** The framework's own cache, of no worth once the framework has stopped. */
    Path cache() {
        return folder.resolve("framework");
    }

    /** Where Config Admin keeps configurations. */
    Path configurations() {
        return folder.resolve("configurations");
    }

    /** Where the file store keeps regions that name no folder. */
    Path regions() {
        return folder.resolve("regions");
    }

    /** Where JNA unpacks libraries. */
    Path libraries() {
        return folder.resolve("libraries");
    }

    /** Deletes a temporary folder and, of a lasting one, what the framework will make anew. Idempotent. */
    @Override
    public void close() {
        if (temporary) {
            delete(folder);
        } else {
            delete(cache());
            delete(libraries());
        }
    }

    private static void delete(Path root) {
        try {
            Files.walkFileTree(root, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path folder, IOException failure) throws IOException {
                    Files.deleteIfExists(folder);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (NoSuchFileException e) {
            // deleted before: that is the state we want
        } catch (IOException e) {
            throw new UncheckedIOException("temporary folder " + root + " cannot be deleted", e);
        }
    }
}
