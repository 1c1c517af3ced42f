// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.Locale;

/**
 * How much was enumerated.
 *
 * @param events of the workload
 * @param cuts events behind which the workload was crashed
 * @param images crash images of the workload, and those of recoveries, made and compared
 * @param distinct those of all these that differ from every other, each recovered
 * @param kills process ends without power cut, each followed by a recovery that was crashed in turn
 * @param nestedCuts events of recoveries behind which these were crashed
 * @param nestedDistinct of {@code distinct} those left by a crashed recovery
 * @param violations images that hold what must not be
 */
public record Figures(
        long events,
        long cuts,
        long images,
        long distinct,
        long kills,
        long nestedCuts,
        long nestedDistinct,
        long violations) {
    /** Nothing yet. */
    public static final Figures NONE = new Figures(0, 0, 0, 0, 0, 0, 0, 0);

    /** Of two enumerations together. */
    public Figures plus(Figures other) {
        return new Figures(
                events + other.events,
                cuts + other.cuts,
                images + other.images,
                distinct + other.distinct,
                kills + other.kills,
                nestedCuts + other.nestedCuts,
                nestedDistinct + other.nestedDistinct,
                violations + other.violations);
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%,d events, %,d cuts, %,d images, %,d distinct (%,d of crashed recoveries, from %,d cuts), %,d kills,"
                        + " %,d violations",
                events,
                cuts,
                images,
                distinct,
                nestedDistinct,
                nestedCuts,
                kills,
                violations);
    }
}
