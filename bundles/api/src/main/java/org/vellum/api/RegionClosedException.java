// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/** The region is closed. */
public class RegionClosedException extends RegionException {
    private static final long serialVersionUID = 1;

    public RegionClosedException(String message) {
        super(message);
    }

    public RegionClosedException(String message, Throwable cause) {
        super(message, cause);
    }
}
