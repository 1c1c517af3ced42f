// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.dto;

import org.osgi.dto.DTO;

/** A region that a configuration asks for and that is not open; the fields are those of {@link org.vellum.api.WantedRegion}. */
public class WantedRegionDTO extends DTO {
    public String name;
    /** Who asks for it. */
    public String wantedBy;
    /** One of {@link org.vellum.api.WantedRegion.Obstacle}. */
    public String obstacle;
    /** A sentence. */
    public String reason;
    /** Milliseconds since 1970. */
    public long since;
    /** Milliseconds since 1970. */
    public long tried;
}
