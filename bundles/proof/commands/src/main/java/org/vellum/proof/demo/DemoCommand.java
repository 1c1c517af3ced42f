// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.vellum.launcher.command.ExitStatus;
import org.vellum.launcher.command.ProviderSelection;
import org.vellum.launcher.command.Subcommand;
import org.vellum.launcher.console.Console;
import org.vellum.launcher.framework.Storage;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows what Vellum is for, on the user's own files. */
@Command(
        name = "demo",
        description = {
            "Index the words of all text files below DIR in a region, and survive SIGKILL on the way.",
            "The index is an ordinary Java hash table (examples/word-index); at the end it is compared with a fresh count."
        })
public final class DemoCommand implements Subcommand {
    private static final List<Path> DEFAULT_FOLDERS =
            List.of(Path.of("/usr/share/doc"), Path.of("/usr/share/common-licenses"));
    private static final long SMALLEST_DEFAULT_SIZE = 64 << 20;
    private static final long LARGEST_DEFAULT_SIZE = 1 << 30;

    @Spec
    private CommandSpec specification;

    @Parameters(
            paramLabel = "DIR",
            arity = "0..*",
            description = "folders (default: /usr/share/doc and the licence texts)")
    private List<Path> folders = new ArrayList<>();

    @Option(names = "--kills", paramLabel = "N", defaultValue = "5", description = "how often to kill it (default: 5)")
    private int kills;

    @Option(
            names = "--seed",
            paramLabel = "S",
            description = "choose the moments as an earlier run did (default: random)")
    private Long seed;

    @Option(
            names = "--directory",
            paramLabel = "FOLDER",
            description = "keep the region's files here (default: deleted)")
    private Path directory;

    @Mixin
    private ProviderSelection selection = new ProviderSelection();

    @Override
    public Integer call() throws InterruptedException {
        selection.requireStoreThatOutlivesItsProcess(specification.commandLine());
        List<Path> chosen = existingFolders();
        if (kills < 0) {
            throw new ParameterException(specification.commandLine(), "--kills " + kills + ": must be 0 or more");
        }
        long seedUsed = seed == null ? System.nanoTime() & 0xffffff : seed;
        try (Storage storage = directory == null ? Storage.temporary() : null) {
            Path place = storage == null ? directory.toAbsolutePath() : storage.folder();
            List<String> arguments = new ArrayList<>(selection.arguments());
            if (selection.size().isEmpty()) {
                arguments.addAll(List.of("--size", Long.toString(sizeFor(chosen))));
            }
            arguments.addAll(List.of("--directory", place.toString()));
            chosen.forEach(folder -> arguments.add(folder.toString()));
            boolean held = new Demo(Console.standardOutput(), selection, arguments, kills, seedUsed).run();
            return held ? ExitStatus.HELD : ExitStatus.FAILED;
        }
    }

    private List<Path> existingFolders() {
        if (folders.isEmpty()) {
            List<Path> defaults =
                    DEFAULT_FOLDERS.stream().filter(Files::isDirectory).toList();
            if (defaults.isEmpty()) {
                throw new ParameterException(
                        specification.commandLine(), "this machine has none of " + DEFAULT_FOLDERS + ": name a DIR");
            }
            return defaults;
        }
        for (Path folder : folders) {
            if (!Files.isReadable(folder)) {
                throw new ParameterException(specification.commandLine(), folder + ": no such folder, or not readable");
            }
        }
        return folders.stream().map(Path::toAbsolutePath).toList();
    }

    /** A quarter of the text: more than its distinct words take, so that the demo does not end with a full table. */
    private static long sizeFor(List<Path> folders) {
        long text = 0;
        for (Path folder : folders) {
            try (Stream<Path> files = Files.walk(folder)) {
                text += files.filter(Files::isRegularFile)
                        .mapToLong(DemoCommand::textSize)
                        .sum();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        long size = Math.max(1, Long.highestOneBit(2 * (text / 4) - 1));
        return Math.max(SMALLEST_DEFAULT_SIZE, Math.min(LARGEST_DEFAULT_SIZE, size));
    }

    private static long textSize(Path file) {
        long size = file.toFile().length();
        return file.toString().endsWith(".gz") ? 4 * size : size;
    }
}
