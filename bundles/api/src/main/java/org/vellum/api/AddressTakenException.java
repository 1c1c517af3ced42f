// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/** Something else is mapped where the region must be. */
public class AddressTakenException extends RegionException {
    private static final long serialVersionUID = 1;

    public AddressTakenException(String message) {
        super(message);
    }

    public AddressTakenException(String message, Throwable cause) {
        super(message, cause);
    }
}
