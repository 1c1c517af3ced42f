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
        return Path.of(System.getProperty("user.home"), ".vellum", "regions");
    }

    private static Path absolute(String folder) {
        return Path.of(folder.strip()).toAbsolutePath().normalize();
    }
}
