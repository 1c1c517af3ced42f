package org.vellum.store.image;

import java.nio.file.Path;

/** The folder of regions that name none: one rule for all stores that keep files. */
public final class StoreFolder {
    /** Framework or system property: the folder where no configuration gives one. */
    public static final String PROPERTY = "vellum.directory";

    private StoreFolder() {}

    /**
     * @param configured what the store's configuration says; blank: nothing
     * @param property the value of {@link #PROPERTY}, or null
     * @throws java.nio.file.InvalidPathException what is chosen is no path
     */
    public static Path chosen(String configured, String property) {
        if (!configured.isBlank()) {
            return absolute(configured);
        }
        if (property != null && !property.isBlank()) {
            return absolute(property);
        }
        return home(System.getProperty("user.home"), System.getenv("HOME")).resolve(".vellum").resolve("regions");
    }

    /**
     * The JVM's home folder, unless it has none: for a user without an entry in {@code /etc/passwd} it says "?", which as a
     * path would be a folder in whatever the current one is.
     */
    static Path home(String property, String variable) {
        for (String candidate : new String[] {property, variable}) {
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
