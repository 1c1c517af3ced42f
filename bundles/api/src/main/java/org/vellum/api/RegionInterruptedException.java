// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/**
 * The calling thread was interrupted while it waited for others; the message says for whom. Its interrupt status is set.
 * Nothing was done: the call can be made again, and stores stay as they are.
 */
public class RegionInterruptedException extends RegionException {
    private static final long serialVersionUID = 1;

    public RegionInterruptedException(String message) {
        super(message);
    }
}
