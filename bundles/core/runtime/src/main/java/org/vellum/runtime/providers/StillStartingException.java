// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.providers;

import org.vellum.api.ProviderMissingException;

/** No store that is there has the region, but stores may still come: too early to create it. */
public final class StillStartingException extends ProviderMissingException {
    private static final long serialVersionUID = 1;

    StillStartingException(String message) {
        super(message);
    }
}
