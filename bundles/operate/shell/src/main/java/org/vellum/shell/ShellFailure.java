// SPDX-License-Identifier: Apache-2.0
package org.vellum.shell;

/**
 * A command could not do what it was asked. Gogo shows an exception by its {@link #toString()}, so that is the sentence
 * alone.
 */
final class ShellFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    ShellFailure(String message) {
        super(message);
    }

    ShellFailure(String message, Throwable cause) {
        super(message, cause);
    }

    @Override
    public String toString() {
        return getMessage();
    }
}
