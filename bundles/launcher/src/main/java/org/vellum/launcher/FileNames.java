// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Whether this JVM can express the names of the files it is told of. Names are bytes to the kernel and characters to Java;
 * the JVM takes the encoding between them from the locale, and in the locales C and POSIX that is ASCII.
 */
final class FileNames {
    private static final String ENCODING_PROPERTY = "sun.jnu.encoding";
    /** What the JVM makes of bytes that are nothing in its encoding. */
    private static final char UNKNOWN = '\uFFFD';

    private FileNames() {}

    /** The sentence that says what cannot be expressed, and the way out; empty: all can. */
    static Optional<String> obstacle(String... arguments) {
        String folder = System.getProperty("user.dir");
        if (!isExpressible(folder)) {
            return Optional.of(sentence("the current folder '" + folder + "'"));
        }
        for (String argument : arguments) {
            if (argument.indexOf(UNKNOWN) >= 0) {
                return Optional.of(sentence("the argument '" + argument + "'"));
            }
        }
        return Optional.empty();
    }

    /** Whether the text names a file at all; the JVM's own classes fail in many ways in a folder for which it does not. */
    private static boolean isExpressible(String text) {
        try {
            return Path.of(text) != null && text.indexOf(UNKNOWN) < 0;
        } catch (InvalidPathException e) {
            return false;
        }
    }

    private static String sentence(String what) {
        return what + " has characters that this process's encoding of file names, "
                + System.getProperty(ENCODING_PROPERTY) + ", lacks; set LC_ALL=C.UTF-8 (or another locale with UTF-8)";
    }
}
