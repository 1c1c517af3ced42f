// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.verify;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.vellum.launcher.command.CommandFailure;
import org.vellum.launcher.command.Subcommand;
import org.vellum.launcher.framework.Distribution;
import org.vellum.launcher.framework.Framework;
import org.vellum.launcher.framework.Storage;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Checks an image that no region uses; the work is the bundle org.vellum.verify's. */
@Command(
        name = "verify",
        description = {
            "Check an image offline: header, log, epochs, checksums, pages; of every store.",
            "Says what is intact, up to which epoch. Writes nothing unless --repair is given, and never to the image"
                    + " itself.",
            "Exit status 0: intact, or repaired; 1: damaged."
        })
public final class VerifyCommand implements Subcommand {
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    @Option(names = "--repair", description = "write the last intact epoch to a new image, if there is damage")
    private boolean repair;

    @ArgGroup
    private Target target = new Target();

    /** Where a repaired image goes: one or the other. */
    private static final class Target {
        @Option(
                names = "--output",
                paramLabel = "FILE",
                description = "the new image (default: beside the old one, NAME-repaired.vellum)")
        private Path output;

        @Option(
                names = "--in-place",
                description = "the new image takes the old one's name; the damaged files are kept, as *.damaged")
        private boolean inPlace;
    }

    @Option(
            names = "--accept-damaged-pages",
            description = "repair even if pages do not fit their checksums, and take these as they are")
    private boolean acceptDamagedPages;

    @Option(
            names = "--new-identity",
            description =
                    "make an image that was copied a region of its own, with an identity and an address of its own, so"
                            + " that both can be open in one process; pointers in it to itself lead nowhere then. The files before"
                            + " are kept, as *.before")
    private boolean newIdentity;

    @Parameters(paramLabel = "IMAGE", description = "the region's file that ends in .vellum")
    private Path image;

    @Override
    public Integer call() throws InterruptedException {
        Path replacement = image.resolveSibling(image.getFileName() + "-replacement");
        if (!Files.isRegularFile(image) && !Files.exists(replacement)) {
            throw new CommandFailure("there is no file " + image + "; name a region's file that ends in .vellum");
        }
        List<String> arguments = new ArrayList<>();
        if (repair) {
            arguments.add("--repair");
        } else if (target.inPlace || target.output != null || acceptDamagedPages) {
            throw new CommandFailure("--output, --in-place and --accept-damaged-pages go with --repair");
        }
        if (newIdentity) {
            if (repair) {
                throw new CommandFailure("--new-identity and --repair are two steps; repair the image first");
            }
            arguments.add("--new-identity");
        }
        if (target.inPlace) {
            arguments.add("--in-place");
        }
        if (target.output != null) {
            arguments.add("--output=" + target.output.toAbsolutePath());
        }
        if (acceptDamagedPages) {
            arguments.add("--accept-damaged-pages");
        }
        arguments.add(image.toAbsolutePath().toString());
        try (Framework framework = Framework.start(Distribution.running().bundles(), Storage.temporary(), Map.of())) {
            return framework.application("verify", TIMEOUT).applyAsInt(List.copyOf(arguments));
        }
    }
}
