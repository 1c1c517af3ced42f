package org.vellum.store.image;

import java.nio.file.Path;

/** The names of a region's files. */
public record ImageFiles(Path directory, String region) {
    public Path home() {
        return directory.resolve(region + ".vellum");
    }

    /** The home image while it is being created; left behind by a crash then, and replaced by the next creation. */
    public Path unfinished() {
        return directory.resolve(region + ".vellum.new");
    }

    /** Pre-images, for an image that was opened in place. */
    public Path undo() {
        return directory.resolve(region + ".vellum-undo");
    }

    public Path log(int segment) {
        return directory.resolve(region + ".vellum-log" + segment);
    }
}
