// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/** A name, size, address or selector that cannot be used. */
public class InvalidRegionException extends RegionException {
    private static final long serialVersionUID = 1;

    public InvalidRegionException(String message) {
        super(message);
    }

    public InvalidRegionException(String message, Throwable cause) {
        super(message, cause);
    }
}
