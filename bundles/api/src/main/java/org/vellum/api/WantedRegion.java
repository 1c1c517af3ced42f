// SPDX-License-Identifier: Apache-2.0
package org.vellum.api;

import java.time.Instant;
import org.vellum.api.dto.WantedRegionDTO;

/**
 * A region that a configuration asks for and that is not open now.
 *
 * @param name the region's
 * @param wantedBy who asks for it, such as {@code configuration org.vellum.region~orders}
 * @param obstacle why it is not open, by kind
 * @param reason a sentence that says why, and what would help
 * @param since when it was found not to be open
 * @param tried when opening it was tried last
 */
public record WantedRegion(
        String name, String wantedBy, Obstacle obstacle, String reason, Instant since, Instant tried) {

    /** Why a wanted region is not open. All but {@link #INVALID} and {@link #CLOSED} are tried again by themselves. */
    public enum Obstacle {
        /** It is being opened, or will be in a moment: providers are being started. */
        STARTING,
        /** A provider is missing, among them the store that has the region. */
        PROVIDER_MISSING,
        /** Somebody else has it open. */
        BUSY,
        /** Its image is damaged. */
        DAMAGED,
        /** What is configured cannot be had, whatever comes; it is tried again when the configuration is changed. */
        INVALID,
        /** Opening it was refused otherwise. */
        REFUSED,
        /** Somebody who uses it has closed it; it is opened again when the configuration is changed. */
        CLOSED
    }

    /** The same for those who exchange data transfer objects. */
    public WantedRegionDTO toDTO() {
        WantedRegionDTO dto = new WantedRegionDTO();
        dto.name = name;
        dto.wantedBy = wantedBy;
        dto.obstacle = obstacle.name();
        dto.reason = reason;
        dto.since = since.toEpochMilli();
        dto.tried = tried.toEpochMilli();
        return dto;
    }
}
