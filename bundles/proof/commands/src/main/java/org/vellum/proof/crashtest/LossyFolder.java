// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.framework.Distribution;
import org.vellum.proof.application.ApplicationLine;

/**
 * A folder on the file system that forgets what was not synced: {@code native/lossy_fs}, a program of its own that is
 * mounted as long as this is open. Its files are in the memory of that program.
 */
final class LossyFolder implements AutoCloseable {
    private static final String PROGRAM = "vellum_lossy_fs";
    private static final String IGNORE_SYNCS = "--ignore-syncs";
    private static final String READY = "ready";
    private static final String CUT = "cut";

    private final Path folder;
    private final Process process;
    private final BufferedReader answers;
    private final BufferedWriter commands;

    /**
     * What became of the changes that were not durable when the power was cut.
     *
     * @param lost sectors, sizes and names that are as they were before
     * @param kept those that reached the medium though nothing had asked for it
     */
    record Losses(long lost, long kept) {
        static final Losses NONE = new Losses(0, 0);

        Losses plus(Losses others) {
            return new Losses(lost + others.lost, kept + others.kept);
        }
    }

    private LossyFolder(Path folder, Process process) {
        this.folder = folder;
        this.process = process;
        answers = process.inputReader();
        commands = process.outputWriter();
    }

    /**
     * Mounts it.
     *
     * @param folder is made; the program is copied beside it
     * @param ignoresSyncs every sync succeeds and makes nothing durable
     */
    static LossyFolder mount(Path folder, boolean ignoresSyncs) {
        Path program = folder.resolveSibling(PROGRAM);
        List<String> command = new ArrayList<>(List.of(program.toString(), folder.toString()));
        if (ignoresSyncs) {
            command.add(IGNORE_SYNCS);
        }
        try {
            Files.createDirectories(folder);
            Files.copy(built(), program, StandardCopyOption.REPLACE_EXISTING);
            if (!program.toFile().setExecutable(true)) {
                throw new CommandFailure(program + " cannot be made executable");
            }
            LossyFolder mounted = new LossyFolder(
                    folder,
                    new ProcessBuilder(command)
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start());
            if (!READY.equals(mounted.answers.readLine())) {
                mounted.close();
                throw new CommandFailure(
                        "no file system can be mounted on " + folder + " by FUSE: that takes the device"
                                + " /dev/fuse, and root or the program fusermount3 (Debian's package fuse3)");
            }
            return mounted;
        } catch (IOException e) {
            throw new CommandFailure("no lossy file system on " + folder + ": " + e, e);
        }
    }

    private static Path built() {
        Path program = Distribution.running().home().resolve("tools").resolve(PROGRAM);
        if (!Files.exists(program)) {
            throw new CommandFailure(
                    program + " is missing: it is built where libfuse3 is; install libfuse3-dev and fuse3"
                            + " (the Debian packages' names), and run this by ./vellum, which builds it then");
        }
        return program;
    }

    Path folder() {
        return folder;
    }

    /** Cuts the power: by the seed, each change that was not synced is lost or kept. No process may have files of it. */
    Losses cut(long seed) {
        ApplicationLine answer = ApplicationLine.parse(ask(CUT + " " + Long.toUnsignedString(seed)));
        if (!answer.kind().equals(CUT)) {
            throw new CommandFailure("the lossy file system on " + folder + ": " + answer.rest());
        }
        return new Losses(sum(answer, "lost"), sum(answer, "kept"));
    }

    private static long sum(ApplicationLine answer, String outcome) {
        return answer.number("sectors-" + outcome)
                + answer.number("sizes-" + outcome)
                + answer.number("names-" + outcome);
    }

    private String ask(String command) {
        String answer = null;
        try {
            commands.write(command + "\n");
            commands.flush();
            answer = answers.readLine();
        } catch (IOException e) {
            // nobody reads: as if there were no answer
        }
        if (answer == null) {
            throw new CommandFailure("the lossy file system on " + folder
                    + " has ended, and its files are gone; if the folder" + " is still mounted: umount -l " + folder);
        }
        return answer;
    }

    /** Copies its files to a folder that stays: when this is closed, they are gone. */
    void copyTo(Path copies) throws IOException {
        try (var files = Files.walk(folder)) {
            for (Path file : files.toList()) {
                Path copy = copies.resolve(folder.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(copy);
                } else {
                    Files.copy(file, copy);
                }
            }
        }
    }

    /** Unmounts it, and forgets all. */
    @Override
    public void close() {
        try {
            commands.close();
            process.waitFor();
        } catch (IOException e) {
            process.destroy(); // it unmounts on SIGTERM
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
        }
    }
}
