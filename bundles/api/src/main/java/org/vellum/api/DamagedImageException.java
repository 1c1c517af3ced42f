// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/** A durable structure is torn, truncated, foreign or corrupted; the message names file, offset and expectation. Nothing was overwritten. */
public class DamagedImageException extends RegionException {
    private static final long serialVersionUID = 1;

    public DamagedImageException(String message) {
        super(message);
    }

    public DamagedImageException(String message, Throwable cause) {
        super(message, cause);
    }
}
