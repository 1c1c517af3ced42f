// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/** A commit could not be made durable. Nothing is lost: the stores are part of the next commit. */
public class CommitException extends RegionException {
    private static final long serialVersionUID = 1;

    public CommitException(String message) {
        super(message);
    }

    public CommitException(String message, Throwable cause) {
        super(message, cause);
    }
}
