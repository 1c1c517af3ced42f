// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.feature;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.osgi.service.feature.ID;
import org.vellum.launcher.command.CommandFailure;

/**
 * Folders in the layout of a Maven repository, looked through in order. Nothing is fetched from anywhere.
 *
 * @param folders need not exist
 */
public record BundleRepositories(List<Path> folders) {
    /**
     * The artifact's file.
     *
     * @throws CommandFailure no folder has it; names all of them
     */
    Path find(ID id) {
        return folders.stream()
                .map(folder -> folder.resolve(path(id)))
                .filter(Files::isRegularFile)
                .findFirst()
                .orElseThrow(() -> new CommandFailure(id + " is in none of the repositories "
                        + folders.stream().map(Path::toString).collect(Collectors.joining(", "))
                        + ", where it would be " + path(id) + "; --repository names a further one"));
    }

    private static String path(ID id) {
        String folder = id.getGroupId().replace('.', '/') + "/" + id.getArtifactId() + "/" + id.getVersion();
        String classifier = id.getClassifier().map(text -> "-" + text).orElse("");
        String extension = Optional.ofNullable(id.getType().orElse(null)).orElse("jar");
        return folder + "/" + id.getArtifactId() + "-" + id.getVersion() + classifier + "." + extension;
    }
}
