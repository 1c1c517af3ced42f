// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/** The region is open already; the message names the holder. */
public class RegionBusyException extends RegionException {
    private static final long serialVersionUID = 1;

    public RegionBusyException(String message) {
        super(message);
    }

    public RegionBusyException(String message, Throwable cause) {
        super(message, cause);
    }
}
