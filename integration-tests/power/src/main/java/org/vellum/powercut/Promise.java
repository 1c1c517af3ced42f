// SPDX-License-Identifier: Apache-2.0
package org.vellum.powercut;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a region's user could rely on at a moment, and what may be there besides.
 *
 * @param acknowledged the last step whose commit returned, -1: not even the region
 * @param begun the last step whose stores were made
 * @param withdrawn steps that were rolled back
 * @param repair how far the repair of a damaged image has said that it is
 * @param repairedStep the step that a repair brings back, with all of them but {@link Repair#NONE}
 * @param phase what was going on, for figures
 */
record Promise(long acknowledged, long begun, Set<Long> withdrawn, Repair repair, long repairedStep, String phase) {
    static final Promise NOTHING = new Promise(-1, -1, Set.of(), Repair.NONE, -1, "created");

    /** In this order, and from the last one, when the region has been opened, to the first. */
    enum Repair {
        NONE,
        /** The image is being damaged, which nobody promised anything about. */
        DAMAGING,
        DAMAGED,
        /** The command has said that the repaired image is there. */
        REPAIRED,
        /** It has said that it has the region's name. */
        REPLACED
    }

    /** Reads marks in order; {@link Victim} writes them. */
    static final class Reader {
        private final Map<String, Long> stepOfEpoch = new HashMap<>(Map.of("0", 0L));
        private Promise now;

        Reader(Promise first) {
            now = first;
        }

        Promise after(String mark) {
            String[] words = mark.split(" ");
            switch (words[0]) {
                case "TRY" ->
                    now = now.with(now.acknowledged, Long.parseLong(words[1])).in("stores");
                case "ACK" -> {
                    long step = Long.parseLong(words[1]);
                    stepOfEpoch.put(words[2], step);
                    now = now.with(step, now.begun).in("committed");
                }
                case "FOUND" -> {
                    // it was seen, so nothing older may come
                    long step = Long.parseLong(words[1]);
                    stepOfEpoch.put(words[2], step);
                    now = now.with(step, step).in("opened");
                    if (now.repair == Repair.REPLACED) {
                        now = now.repair(Repair.NONE, -1);
                    }
                }
                case "WITHDRAWN" -> {
                    Set<Long> withdrawn = new TreeSet<>(now.withdrawn);
                    withdrawn.add(Long.parseLong(words[1]));
                    now = new Promise(now.acknowledged, now.begun, withdrawn, now.repair, now.repairedStep, now.phase);
                }
                case "DAMAGING" -> now = now.repair(Repair.DAMAGING, -1).in("repair");
                case "DAMAGED" -> {
                    // what is behind that epoch is lost, by our own doing
                    long step = stepOfEpoch.get(words[1]);
                    now = now.with(step, step).repair(Repair.DAMAGED, step);
                }
                case "REPAIRED" -> now = now.repair(Repair.REPAIRED, now.repairedStep);
                case "REPLACED" -> now = now.repair(Repair.REPLACED, now.repairedStep);
                case "PHASE", "DO" -> now = now.in(words[1]);
                default -> {
                    // of no meaning here
                }
            }
            return now;
        }
    }

    private Promise with(long newAcknowledged, long newBegun) {
        return new Promise(newAcknowledged, newBegun, withdrawn, repair, repairedStep, phase);
    }

    private Promise repair(Repair state, long step) {
        return new Promise(acknowledged, begun, withdrawn, state, step, phase);
    }

    private Promise in(String newPhase) {
        return new Promise(acknowledged, begun, withdrawn, repair, repairedStep, newPhase);
    }
}
