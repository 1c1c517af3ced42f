package org.vellum.launcher.framework;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;
import org.vellum.launcher.command.CommandFailure;

/**
 * Where a framework keeps its files: a temporary folder for what each start makes anew, and a folder that stays for
 * configurations and regions, if the user named one. Without one configurations are temporary, and regions stay where
 * the store keeps those that name no folder.
 */
public final class Storage implements AutoCloseable {
    private final Path temporary;
    private final Path kept;

    private Storage(Path temporary, Path kept) {
        this.temporary = temporary;
        this.kept = kept;
    }

    /** A new temporary folder and nothing else. */
    public static Storage temporary() {
        return new Storage(temporaryFolder(), null);
    }

    /** A temporary folder that somebody else made, and may delete as well. */
    static Storage temporary(Path folder) {
        return new Storage(folder, null);
    }

    /** A new temporary folder, and {@code folder} (made if absent) for what stays. */
    public static Storage keeping(Path folder) {
        try {
            return new Storage(temporaryFolder(), Files.createDirectories(folder.toAbsolutePath()));
        } catch (IOException e) {
            throw new CommandFailure("storage folder " + folder + " cannot be made: " + e, e);
        }
    }

    private static Path temporaryFolder() {
        try {
            return Files.createTempDirectory("vellum-");
        } catch (IOException e) {
            throw new CommandFailure(
                    "no temporary folder can be made in " + System.getProperty("java.io.tmpdir") + ": " + e, e);
        }
    }

    /** The temporary folder. */
    public Path folder() {
        return temporary;
    }

    /** The framework's own cache. */
    Path cache() {
        return temporary.resolve("framework");
    }

    /** Where JNA unpacks libraries. */
    Path libraries() {
        return temporary.resolve("libraries");
    }

    /** Where Config Admin keeps configurations. */
    Path configurations() {
        return (kept == null ? temporary : kept).resolve("configurations");
    }

    /** Where the store keeps regions that name no folder; empty: where it likes. */
    Optional<Path> regions() {
        return Optional.ofNullable(kept).map(folder -> folder.resolve("regions"));
    }

    /** Deletes the temporary folder. Idempotent. */
    @Override
    public void close() {
        delete(temporary);
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
