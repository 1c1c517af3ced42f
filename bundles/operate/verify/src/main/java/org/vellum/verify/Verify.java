// SPDX-License-Identifier: Apache-2.0
package org.vellum.verify;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.ToIntFunction;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.InvalidRegionException;
import org.vellum.api.RegionException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.medium.ImageFiles;
import org.vellum.store.image.offline.ImageRepair;
import org.vellum.store.image.offline.ImageRepair.Purpose;
import org.vellum.store.image.offline.ImageReport;
import org.vellum.store.image.offline.OfflineImage;

/**
 * The application {@code verify}; its arguments are those of the command {@code ./vellum verify}, already checked. Exit
 * status 0: the image is intact, or was repaired; 1: it is damaged, or could not be examined.
 */
@Component(service = ToIntFunction.class, property = "vellum.application=verify")
public final class Verify implements ToIntFunction<List<String>> {
    static final String REPAIR = "--repair";
    static final String NEW_IDENTITY = "--new-identity";
    static final String IN_PLACE = "--in-place";
    static final String ACCEPT_DAMAGED_PAGES = "--accept-damaged-pages";
    static final String OUTPUT = "--output=";
    static final String SUFFIX = ".vellum";

    private static final int HELD = 0;
    private static final int FAILED = 1;

    private final NativeCore core;
    private final PrintStream out;
    private final PrintStream err;

    @Activate
    public Verify(@Reference NativeCore core) {
        this(core, System.out, System.err);
    }

    Verify(NativeCore core, PrintStream out, PrintStream err) {
        this.core = core;
        this.out = out;
        this.err = err;
    }

    @Override
    public int applyAsInt(List<String> arguments) {
        try {
            ImageFiles names = names(arguments.get(arguments.size() - 1));
            return arguments.contains(REPAIR) || arguments.contains(NEW_IDENTITY)
                    ? repair(names, arguments)
                    : verify(names);
        } catch (RegionException e) {
            err.println("vellum verify: " + e.getMessage());
            return FAILED;
        }
    }

    private static ImageFiles names(String image) {
        Path file = Path.of(image).toAbsolutePath().normalize();
        Path last = file.getFileName();
        if (last == null) {
            throw new InvalidRegionException("'" + image
                    + "' is a folder and no image: name one of the images in it, such as" + " FOLDER/orders.image");
        }
        String name = last.toString();
        return new ImageFiles(
                file.getParent(), name.endsWith(SUFFIX) ? name.substring(0, name.length() - SUFFIX.length()) : name);
    }

    private int verify(ImageFiles names) {
        try (OfflineImage image = OfflineImage.open(core, names)) {
            return print(image.report()) ? HELD : FAILED;
        }
    }

    /** Whether the image is intact. */
    private boolean print(ImageReport report) {
        out.println(ReportText.of(report));
        return !report.damaged();
    }

    /** One that was begun and did not come to its end is ended, and that is all: what it made has the name then. */
    private int repair(ImageFiles names, List<String> arguments) {
        ImageRepair repair = new ImageRepair(core);
        Optional<String> ended = repair.finishReplacement(names);
        if (ended.isPresent()) {
            out.println("what was begun before has come to its end");
            printReplaced(names, ended.get());
            return HELD;
        }
        boolean own = arguments.contains(NEW_IDENTITY);
        boolean inPlace = own || arguments.contains(IN_PLACE);
        ImageFiles target = arguments.stream()
                .filter(argument -> argument.startsWith(OUTPUT))
                .map(argument -> names(argument.substring(OUTPUT.length())))
                .findFirst()
                .orElse(new ImageFiles(names.directory(), names.region() + (own ? "-own" : "-repaired")));
        Purpose purpose = own ? Purpose.OWN_IDENTITY : Purpose.REPAIR;
        try (OfflineImage image = OfflineImage.open(core, names)) {
            boolean intact = print(image.report());
            if (own && (!intact || image.report().elsewhere())) {
                err.println("vellum verify: only an intact image of a region that is here gets an identity of its own;"
                        + " repair it first, by --repair");
                return FAILED;
            }
            if (!own && intact && !image.report().elsewhere()) {
                out.println("nothing to repair");
                return HELD;
            }
            repair.write(image, target, arguments.contains(ACCEPT_DAMAGED_PAGES), purpose);
            if (!own) {
                out.println("repaired to epoch " + image.report().intactEpoch().getAsLong() + ": " + target.home());
            }
        }
        if (inPlace) {
            printReplaced(names, repair.replace(names, target, purpose));
        }
        if (own) {
            out.println(
                    "it is a region of its own, mapped at an address of its own from now on: pointers that it holds to"
                            + " itself, if any, still lead to where the image that it was copied from is mapped");
        }
        return HELD;
    }

    private void printReplaced(ImageFiles names, String suffix) {
        out.println("it is " + names.home() + " now; the files before end in " + suffix);
    }
}
