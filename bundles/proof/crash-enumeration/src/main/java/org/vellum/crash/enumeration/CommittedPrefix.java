// SPDX-License-Identifier: Apache-2.0
package org.vellum.crash.enumeration;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/**
 * What is found is exactly one epoch, not older than the last acknowledged one, not withdrawn, and with just the content
 * it was begun with.
 *
 * <p>An epoch that was begun twice, because its first attempt failed, may be found as either until it is acknowledged;
 * then as the last one only. After a recovery what it found is the only possibility: what it dropped must not come back.
 */
public final class CommittedPrefix implements Expectation {
    private final List<Event.Begun> possible = new ArrayList<>();
    private long acknowledged = -1;

    /** Nothing was begun yet. */
    public CommittedPrefix() {}

    @Override
    public void observe(Event.Marker marker) {
        if (marker instanceof Event.Begun begun) {
            possible.add(begun);
        } else if (marker instanceof Event.Acknowledged event) {
            acknowledge(event.epoch());
        } else if (marker instanceof Event.Withdrawn event) {
            possible.removeIf(begun -> begun.epoch() == event.epoch());
        } else if (marker instanceof Event.Recovered event) {
            possible.clear();
            possible.add(new Event.Begun(event.epoch(), event.content()));
            acknowledged = event.epoch();
        }
    }

    private void acknowledge(long epoch) {
        Event.Begun last = null;
        for (Event.Begun begun : possible) {
            last = begun.epoch() == epoch ? begun : last;
        }
        if (last == null) {
            throw new IllegalStateException("epoch " + epoch + " was acknowledged and never begun");
        }
        Event.Begun only = last;
        // the very same one: a repeated attempt at an epoch may be equal, and another one
        @SuppressWarnings("ReferenceEquality")
        Predicate<Event.Begun> isOver = begun -> begun.epoch() < epoch || (begun.epoch() == epoch && begun != only);
        possible.removeIf(isOver);
        acknowledged = epoch;
    }

    @Override
    public String violation(long epoch, byte[] content) {
        boolean known = false;
        int difference = -1;
        for (Event.Begun begun : possible) {
            if (begun.epoch() == epoch) {
                int mismatch = Arrays.mismatch(begun.content(), content);
                if (mismatch < 0) {
                    return null;
                }
                known = true;
                difference = Math.max(difference, mismatch);
            }
        }
        if (known) {
            return "epoch " + epoch + " was recovered, but its content is wrong from byte " + difference + " on";
        }
        return "epoch " + epoch + " was recovered; possible are "
                + possible.stream().map(Event.Begun::epoch).distinct().toList() + ", the last acknowledged one is "
                + acknowledged;
    }

    @Override
    public Expectation copy() {
        CommittedPrefix copy = new CommittedPrefix();
        copy.possible.addAll(possible);
        copy.acknowledged = acknowledged;
        return copy;
    }
}
