// SPDX-License-Identifier: Apache-2.0
package org.vellum.jmx;

import java.util.Date;

/** All regions, as {@code org.vellum:type=Regions}. */
public interface RegionsMXBean {
    /** Names of those that are open. */
    String[] getOpen();

    /** Those that configurations ask for and that are not open. */
    Wanted[] getWanted();

    /** A region that is not open. */
    interface Wanted {
        String getName();

        /** Who asks for it. */
        String getWantedBy();

        /** The kind of what is in the way, as {@code WantedRegion.Obstacle} has it. */
        String getObstacle();

        /** A sentence. */
        String getReason();

        Date getSince();

        /** When opening it was tried last. */
        Date getTried();
    }
}
