// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/** Something about a region could not be done; the message names the region or file, the place and the way out. */
public class RegionException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public RegionException(String message) {
        super(message);
    }

    public RegionException(String message, Throwable cause) {
        super(message, cause);
    }
}
