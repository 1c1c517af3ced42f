// SPDX-License-Identifier: Apache-2.0
package org.vellum.webconsole;

import org.osgi.dto.DTO;

/** The answer to a request that changes something. */
public class PageMessage extends DTO {
    /** A sentence for people. */
    public String message;
}
