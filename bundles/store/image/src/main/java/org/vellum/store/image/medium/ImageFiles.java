// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.vellum.api.provider.Place;
import org.vellum.api.provider.Store;

/** The names of a region's files. */
public record ImageFiles(Path directory, String region) {
    /** Those that a request is about; {@code directory} is the folder of requests that name none. */
    public static ImageFiles of(Store.Request request, Path directory) {
        Path folder = request.directory() == null ? directory : request.directory();
        return new ImageFiles(folder.toAbsolutePath().normalize(), request.region());
    }

    /** Where they are, as a store of this name keeps them. */
    public Place place(String store) {
        return new Place(store, Optional.of(directory));
    }

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

    /** The mark that another image is taking these names, there until it has all of them. */
    public Path replacement() {
        return directory.resolve(region + ".vellum-replacement");
    }

    /** All that an image may have under its names, home first. */
    public List<Path> all() {
        return List.of(home(), log(0), log(1), undo());
    }
}
