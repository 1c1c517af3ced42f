// SPDX-License-Identifier: Apache-2.0
package org.vellum.proof.crashtest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.framework.Failures;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** The folder of a run's regions: the user's, or a temporary one. */
final class RunFolder {
    private RunFolder() {}

    /** @param wanted by the user; null: a temporary one is made */
    static Path prepare(CommandLine command, Path wanted, String prefix) {
        try {
            if (wanted == null) {
                return Files.createTempDirectory(prefix);
            }
            Files.createDirectories(wanted);
            try (var files = Files.list(wanted)) {
                if (files.findAny().isPresent()) {
                    throw new ParameterException(command, "--directory " + wanted + ": must be empty");
                }
            }
            return wanted.toAbsolutePath();
        } catch (IOException e) {
            throw new CommandFailure(
                    "no folder for the regions: " + Failures.reason(e) + "; name one by --directory", e);
        }
    }

    /** With all that is in it. */
    static void delete(Path folder) {
        try (var files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new CommandFailure("folder " + folder + " cannot be deleted: " + Failures.reason(e), e);
        }
    }
}
