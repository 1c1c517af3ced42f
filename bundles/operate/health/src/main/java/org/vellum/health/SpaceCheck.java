// SPDX-License-Identifier: Apache-2.0
package org.vellum.health;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.felix.hc.api.FormattingResultLog;
import org.apache.felix.hc.api.HealthCheck;
import org.apache.felix.hc.api.Result;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.vellum.api.RegionOptions;
import org.vellum.api.provider.DeleteCallsModify;
import org.vellum.api.provider.Quantity;
import org.vellum.api.provider.Settings;
import org.vellum.api.provider.StoreFolder;

/** Whether logs can grow and regions can be created where they are kept. */
@Component(
        configurationPid = SpaceCheck.PID,
        property = {"hc.name=Vellum space", "hc.tags=vellum"})
@Designate(ocd = SpaceCheck.Configuration.class)
@DeleteCallsModify
public final class SpaceCheck implements HealthCheck {
    static final String PID = "org.vellum.health.SpaceCheck";

    /** PID {@value #PID}. */
    @ObjectClassDefinition(
            name = "Vellum health: space",
            description = "How much room the folders of regions are to have")
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

    private static final long DEFAULT_LEAST = 1L << 30;

    private final Settings settings = new Settings(PID);
    private final List<Path> defaultFolders;
    private volatile List<Path> folders;
    private volatile long least = DEFAULT_LEAST;

    @Activate
    public SpaceCheck(BundleContext context, Map<String, Object> properties) {
        this(List.of(StoreFolder.chosen("", context.getProperty(StoreFolder.PROPERTY))), DEFAULT_LEAST);
        configure(properties);
    }

    SpaceCheck(List<Path> folders, long least) {
        this.defaultFolders = folders;
        this.folders = folders;
        this.least = least;
    }

    @Modified
    void configure(Map<String, Object> properties) {
        least = settings.value(properties, "free", DEFAULT_LEAST, least, SpaceCheck::size);
        folders = settings.value(properties, "directories", defaultFolders, folders, this::paths);
    }

    private static long size(String text) {
        long bytes = RegionOptions.parseSize(text);
        if (bytes < 0) {
            throw new IllegalArgumentException("expected at least 0");
        }
        return bytes;
    }

    private List<Path> paths(String lines) {
        List<Path> paths = lines.lines()
                .filter(line -> !line.isBlank())
                .map(line -> Path.of(line.strip()))
                .toList();
        return paths.isEmpty() ? defaultFolders : paths;
    }

    @Override
    public Result execute() {
        FormattingResultLog log = new FormattingResultLog();
        settings.refusals().forEach(refusal -> log.warn("{}", refusal));
        for (Path folder : folders) {
            try {
                long free =
                        Files.getFileStore(StoreFolder.nearestExisting(folder)).getUsableSpace();
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
}
