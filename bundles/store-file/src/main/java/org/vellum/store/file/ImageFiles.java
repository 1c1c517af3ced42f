package org.vellum.store.file;

import java.nio.file.Path;

/** The names of a region's files. */
record ImageFiles(Path directory, String region) {
    Path home() {
        return directory.resolve(region + ".vellum");
    }

    /** The home image while it is being created; left behind by a crash then, and replaced by the next creation. */
    Path unfinished() {
        return directory.resolve(region + ".vellum.new");
    }

    Path log(int segment) {
        return directory.resolve(region + ".vellum-log" + segment);
    }
}
