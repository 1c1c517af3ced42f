// SPDX-License-Identifier: Apache-2.0
package org.vellum.crashtest;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** The swaps of one process, one after another: the seed decides them all. */
final class SwapPlan {
    /** By what a swap comes about. */
    enum Way {
        /** {@code Region.swap}. */
        REQUEST(50),
        /** The region's configuration is given other selectors. */
        CONFIGURATION(12),
        /** A provider that ranks above all others comes, and goes again. */
        RANKING(8),
        /** The provider's bundle is stopped, and started again. */
        RESTART(12),
        /** The provider's bundle is updated. */
        UPDATE(10),
        /** The provider's bundle is refreshed. */
        REFRESH(8);

        private final int percent;

        Way(int percent) {
            this.percent = percent;
        }
    }

    /**
     * One swap. A number says which of those that there are, modulo how many they are.
     *
     * @param axis as in {@code RegionOptions.AXES}
     * @param region which region, where it is about one
     * @param provider which provider
     * @param pauseNanoseconds how long what goes stays away, where it does
     */
    record Swap(Way way, String axis, int region, int provider, long pauseNanoseconds) {}

    /** Without a store a region cannot commit, which is no swap: so stores are swapped by request only. */
    private static final List<String> TRACKING = List.of("vmm", "pagetable", "strategy");

    private static final List<String> ALL = List.of("vmm", "pagetable", "strategy", "store");
    private static final int NUMBERS = 5040;
    private static final long LONGEST_PAUSE_NANOSECONDS = 60_000_000;

    private final SplittableRandom random;

    SwapPlan(long seed) {
        random = new SplittableRandom(seed);
    }

    Swap next() {
        // always the same draws, whatever comes of them
        Way way = wayOf(random.nextInt(100));
        int axis = random.nextInt(NUMBERS);
        int region = random.nextInt(NUMBERS);
        int provider = random.nextInt(NUMBERS);
        long pause = random.nextLong(LONGEST_PAUSE_NANOSECONDS);
        List<String> axes = switch (way) {
            case REQUEST -> ALL;
            case RANKING -> List.of("strategy");
            default -> TRACKING;
        };
        return new Swap(way, axes.get(axis % axes.size()), region, provider, pause);
    }

    /** The first ones, for whoever wants to see them. */
    List<Swap> next(int count) {
        List<Swap> swaps = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            swaps.add(next());
        }
        return swaps;
    }

    private static Way wayOf(int draw) {
        int end = 0;
        for (Way way : Way.values()) {
            end += way.percent;
            if (draw < end) {
                return way;
            }
        }
        throw new IllegalStateException("the ways' percentages add up to " + end);
    }
}
