// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.vellum.launcher.Vellum;
import org.vellum.launcher.command.CommandFailure;

/**
 * The folder {@code vellum.jar} stands in, with the bundles beside it.
 *
 * @param home the folder
 */
public record Distribution(Path home) {
    /** System property that names the folder where it is not the one this class was loaded from. */
    public static final String HOME_PROPERTY = "vellum.home";

    /** The one this JVM runs from. */
    public static Distribution running() {
        String home = System.getProperty(HOME_PROPERTY);
        if (home != null) {
            return new Distribution(Path.of(home));
        }
        try {
            Path jar = Path.of(Vellum.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            return new Distribution(jar.getParent());
        } catch (URISyntaxException e) {
            throw new IllegalStateException("the launcher's own location is no URI", e);
        }
    }

    /** What every framework holds: Felix's services, JNA and Vellum itself. */
    public List<Path> bundles() {
        return jars("bundles");
    }

    /** Gogo and its commands: what only an interactive or scripted framework holds, since it takes the terminal. */
    public List<Path> shell() {
        return jars("shell");
    }

    /** Bundles that register an application (see {@link Framework#APPLICATION_PROPERTY}). */
    public List<Path> applications() {
        return jars("applications");
    }

    /** What the feature files beside it name, in the layout of a Maven repository. */
    public Path repository() {
        return home.resolve("repository");
    }

    private List<Path> jars(String folder) {
        Path path = home.resolve(folder);
        try (Stream<Path> files = Files.list(path)) {
            return files.filter(file -> file.toString().endsWith(".jar"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new CommandFailure(
                    path + " cannot be read, so this is no complete distribution: build it with './vellum build'", e);
        }
    }
}
