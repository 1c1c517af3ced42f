// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The folder of regions that name none: one rule for all stores that keep files, and for those who look for them. */
public final class StoreFolder {
    /** Framework or system property: the folder where no configuration gives one. */
    public static final String PROPERTY = "vellum.directory";

    private StoreFolder() {}

    /**
     * @param configured what the store's configuration says; blank: nothing
     * @param property the value of {@link #PROPERTY}, or null
     * @throws java.nio.file.InvalidPathException what is chosen is no path
     */
    public static Path chosen(String configured, @Nullable String property) {
        if (!configured.isBlank()) {
            return absolute(configured);
        }
        if (property != null && !property.isBlank()) {
            return absolute(property);
        }
        return home(System.getProperty("user.home"), System.getenv("HOME"))
                .resolve(".vellum")
                .resolve("regions");
    }

    /**
     * The folder that a store's configuration, property {@code directory}, gives it from now on.
     *
     * @param inForce the folder so far
     * @param property the value of {@link #PROPERTY}, or null
     */
    public static Path configured(
            Settings settings, Map<String, ?> properties, Path inForce, @Nullable String property) {
        return settings.value(properties, "directory", chosen("", property), inForce, text -> chosen(text, property));
    }

    /**
     * The folder, or the nearest one above it that there is: folders are made with their first region, and until then the
     * answers of a file system (how much is free, whether it is DAX) come from where they will be made.
     */
    public static Path nearestExisting(Path folder) {
        Path nearest = folder.toAbsolutePath();
        while (!Files.isDirectory(nearest)) {
            Path above = nearest.getParent();
            if (above == null) {
                return nearest; // the root, which is there
            }
            nearest = above;
        }
        return nearest;
    }

    /**
     * The JVM's home folder, unless it has none: for a user without an entry in {@code /etc/passwd} it says "?", which as a
     * path would be a folder in whatever the current one is.
     */
    static Path home(@Nullable String property, @Nullable String variable) {
        for (@Nullable String candidate : new @Nullable String[] {property, variable}) {
            if (candidate != null && candidate.startsWith("/")) {
                return Path.of(candidate);
            }
        }
        return Path.of("/");
    }

    private static Path absolute(String folder) {
        return Path.of(folder.strip()).toAbsolutePath().normalize();
    }
}
