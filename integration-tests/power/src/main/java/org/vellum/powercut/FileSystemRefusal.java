// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.io.IOException;

/** A file system that is not mounted after a power cut, in its kernel's words. */
final class FileSystemRefusal extends IOException {
    private static final long serialVersionUID = 1;

    FileSystemRefusal(String message, Throwable cause) {
        super(message, cause);
    }
}
