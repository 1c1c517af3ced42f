// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.vellum.api.ProviderMissingException;
import org.vellum.api.RegionOptions;
import org.vellum.runtime.providers.Axis;
import org.vellum.runtime.providers.Tuple;

/**
 * What a swap by request comes to: the valid tuple that is nearest to what is in force. Selectors of axes that were not asked
 * for give way only where nothing fits otherwise.
 *
 * @param options with the selectors that are left
 */
record NearestTuple(RegionOptions options, Tuple tuple) {
    /** Axes that give way, one after the other and then together. */
    private static final List<List<Axis>> GIVING_WAY = List.of(
            List.of(Axis.PAGE_TABLE),
            List.of(Axis.VMM, Axis.PAGE_TABLE),
            List.of(Axis.STRATEGY),
            List.of(Axis.VMM, Axis.PAGE_TABLE, Axis.STRATEGY));

    /**
     * @param wanted the options in force, with the selectors asked for
     * @param asked the axes of these
     * @param selection the best tuple that some options allow, or throws
     * @throws ProviderMissingException nothing fits what was asked for
     */
    static NearestTuple to(RegionOptions wanted, Set<Axis> asked, Function<RegionOptions, Tuple> selection) {
        try {
            return new NearestTuple(wanted, selection.apply(wanted));
        } catch (ProviderMissingException e) {
            for (List<Axis> axes : GIVING_WAY) {
                RegionOptions nearer = wanted;
                for (Axis axis : axes) {
                    nearer = asked.contains(axis) ? nearer : axis.select(nearer, RegionOptions.AUTO);
                }
                try {
                    return new NearestTuple(nearer, selection.apply(nearer));
                } catch (ProviderMissingException still) {
                    e.addSuppressed(still);
                }
            }
            throw e;
        }
    }
}
