// SPDX-License-Identifier: Apache-2.0
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
    private static final String TEMPORARY_PROPERTY = "java.io.tmpdir";
    private static final String NAME_ANOTHER =
            "name another one: TMPDIR=FOLDER ./vellum ..., or java -Djava.io.tmpdir=FOLDER";
    /** As large as the largest file a framework makes of its bundles' content. */
    private static final int ROOM = 1 << 20;

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
            throw new CommandFailure(
                    "--storage " + folder + ": this folder cannot be made: " + Failures.reason(e)
                            + "; name one that exists, or that you may make",
                    e);
        }
    }

    private static Path temporaryFolder() {
        Path parent = Path.of(System.getProperty(TEMPORARY_PROPERTY));
        Path folder;
        try {
            folder = Files.createTempDirectory("vellum-");
        } catch (IOException e) {
            throw new CommandFailure(
                    "no temporary folder can be made in " + parent + ": " + Failures.reason(e) + "; " + NAME_ANOTHER,
                    e);
        }
        // to root a folder without permissions is as good as any
        if (!Files.isWritable(folder) || !Files.isExecutable(folder)) {
            folder.toFile().delete(); // empty, and in the way of nobody if it stays
            throw new CommandFailure(
                    "the temporary folder " + folder + ", just made, cannot be written to: the umask of this"
                            + " process takes its owner's permissions away; set it to 077 or 022 (umask 077)");
        }
        Mounts.withoutExecution(folder).ifPresent(mount -> {
            delete(folder);
            throw new CommandFailure("the temporary folder " + parent + " is on " + mount + ", which is mounted noexec:"
                    + " native code unpacked there cannot be mapped; " + NAME_ANOTHER);
        });
        return folder;
    }

    /** Why a framework does not work with its files here; empty: it is not for want of room. */
    Optional<String> obstacle() {
        Path probe = temporary.resolve("room");
        try {
            Files.write(probe, new byte[ROOM]);
            Files.delete(probe);
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of("the framework's files do not fit into the temporary folder " + temporary + ": "
                    + Failures.reason(e) + "; make room (16 MiB are enough), or " + NAME_ANOTHER);
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
