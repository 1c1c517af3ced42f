package org.vellum.verify;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToIntFunction;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.vellum.api.RegionException;
import org.vellum.nativelib.NativeCore;
import org.vellum.store.image.ImageFiles;
import org.vellum.store.image.ImageRepair;
import org.vellum.store.image.ImageReport;
import org.vellum.store.image.OfflineImage;

/**
 * The application {@code verify}; its arguments are those of the command {@code ./vellum verify}, already checked. Exit
 * status 0: the image is intact, or was repaired; 1: it is damaged, or could not be examined.
 */
@Component(service = ToIntFunction.class, property = "vellum.application=verify")
public final class Verify implements ToIntFunction<List<String>> {
    static final String REPAIR = "--repair";
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
        ImageFiles names = names(arguments.get(arguments.size() - 1));
        try {
            return arguments.contains(REPAIR) ? repair(names, arguments) : verify(names);
        } catch (RegionException e) {
            err.println("vellum verify: " + e.getMessage());
            return FAILED;
        }
    }

    private static ImageFiles names(String image) {
        Path file = Path.of(image).toAbsolutePath().normalize();
        String name = file.getFileName().toString();
        return new ImageFiles(file.getParent(),
                name.endsWith(SUFFIX) ? name.substring(0, name.length() - SUFFIX.length()) : name);
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

    private int repair(ImageFiles names, List<String> arguments) {
        boolean inPlace = arguments.contains(IN_PLACE);
        ImageFiles target = arguments.stream()
                .filter(argument -> argument.startsWith(OUTPUT))
                .map(argument -> names(argument.substring(OUTPUT.length())))
                .findFirst()
                .orElse(new ImageFiles(names.directory(), names.region() + "-repaired"));
        ImageRepair repair = new ImageRepair(core);
        try (OfflineImage image = OfflineImage.open(core, names)) {
            if (print(image.report()) && !image.report().elsewhere()) {
                out.println("nothing to repair");
                return HELD;
            }
            repair.write(image, target, arguments.contains(ACCEPT_DAMAGED_PAGES));
            out.println("repaired to epoch " + image.report().intactEpoch().getAsLong() + ": " + target.home());
        }
        if (inPlace) {
            repair.replace(names, target);
            out.println("it is " + names.home() + " now; the files before end in .damaged");
        }
        return HELD;
    }
}
