package org.vellum.health;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.felix.hc.api.FormattingResultLog;
import org.apache.felix.hc.api.HealthCheck;
import org.apache.felix.hc.api.Result;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.Quantity;

/** Whether logs can grow and regions can be created where they are kept. */
@Component(property = {"hc.name=Vellum space", "hc.tags=vellum"})
@Designate(ocd = SpaceCheck.Configuration.class)
public final class SpaceCheck implements HealthCheck {
    /** PID {@code org.vellum.health.SpaceCheck}. */
    @ObjectClassDefinition(name = "Vellum health: space", description = "How much room the folders of regions are to have")
    public @interface Configuration {
        /** Property {@code free}. */
        @AttributeDefinition(name = "Free", description = "A number with a unit B, KiB, MiB, GiB or TiB")
        String free() default "1 GiB";

        /** Property {@code directories}. */
        @AttributeDefinition(
                name = "Directories",
                description = "Folders of regions that name one; none: the folder of those that name none")
        String[] directories() default {};
    }

    private final List<Path> folders;
    private final long least;

    @Activate
    public SpaceCheck(BundleContext context, Configuration configuration) {
        this(
                configuration.directories().length > 0
                        ? Arrays.stream(configuration.directories()).map(Path::of).toList()
                        : List.of(defaultFolder(context)),
                RegionOptions.parseSize(configuration.free()));
    }

    SpaceCheck(List<Path> folders, long least) {
        this.folders = folders;
        this.least = least;
    }

    /** As the file store has it. */
    private static Path defaultFolder(BundleContext context) {
        String configured = context.getProperty("vellum.directory");
        return configured != null ? Path.of(configured) : Path.of(System.getProperty("user.home"), ".vellum", "regions");
    }

    @Override
    public Result execute() {
        FormattingResultLog log = new FormattingResultLog();
        for (Path folder : folders) {
            try {
                long free = Files.getFileStore(existing(folder)).getUsableSpace();
                if (free < least) {
                    log.critical(
                            "{} has {} free, less than {}: a log that cannot grow makes commits fail",
                            folder,
                            Quantity.bytes(free),
                            Quantity.bytes(least));
                } else {
                    log.info("{} has {} free", folder, Quantity.bytes(free));
                }
            } catch (IOException e) {
                log.healthCheckError("{}: its file system cannot be asked for free space: {}", folder, e.toString());
            }
        }
        return new Result(log);
    }

    /** The folder, or the nearest above it that is there: the folder is made with the first region. */
    private static Path existing(Path folder) {
        Path nearest = folder.toAbsolutePath();
        while (!Files.exists(nearest)) {
            nearest = nearest.getParent();
        }
        return nearest;
    }
}
