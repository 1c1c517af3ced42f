// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

/** No provider fits an axis. */
public class ProviderMissingException extends RegionException {
    private static final long serialVersionUID = 1;

    public ProviderMissingException(String message) {
        super(message);
    }

    public ProviderMissingException(String message, Throwable cause) {
        super(message, cause);
    }
}
