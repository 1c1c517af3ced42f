// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/**
 * A call waited as long as it was allowed to; the message says for whom. Nothing was done: the call can be made again, and
 * stores stay as they are.
 */
public class RegionTimeoutException extends RegionException {
    private static final long serialVersionUID = 1;

    public RegionTimeoutException(String message) {
        super(message);
    }
}
