// SPDX-License-Identifier: Apache-2.0
package org.vellum.launcher.framework;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** Exceptions of file operations in words: those of java.nio name the case by their class and say nothing else. */
public final class Failures {
    private Failures() {}

    /** The part of a sentence behind the colon: the file, and what is the matter with it. */
    public static String reason(IOException exception) {
        if (!(exception instanceof FileSystemException failure) || failure.getFile() == null) {
            return String.valueOf(exception.getMessage());
        }
        if (failure instanceof NoSuchFileException) {
            return failure.getFile() + " does not exist, or a folder above it does not";
        }
        if (failure instanceof AccessDeniedException) {
            return failure.getFile() + " is not permitted to this user";
        }
        if (failure instanceof FileAlreadyExistsException) {
            return failure.getFile() + " exists and is no folder";
        }
        if (failure instanceof NotDirectoryException) {
            return failure.getFile() + " is no folder";
        }
        return failure.getFile() + ": " + (failure.getReason() == null ? "refused" : failure.getReason());
    }
}
