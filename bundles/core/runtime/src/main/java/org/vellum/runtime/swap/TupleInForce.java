// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.vellum.api.RegionStatus;
import org.vellum.runtime.providers.Tuple;

/**
 * The providers of one open region, and how they came into force, for its status. Changed by whoever holds the region's
 * control lock, read by anyone.
 */
public final class TupleInForce {
    /** @param untracked why no provider tracks stores; null where they do */
    private record Composed(Tuple tuple, RegionStatus.Providers names, String untracked) {}

    private volatile Composed composed;
    private volatile RegionStatus.Swap last;
    /**
     * Why the last swap did not happen. Gone with the next that does, or is found to be in force already; one that somebody
     * asked for and was answered, mistyped perhaps, also after a while.
     *
     * @param until by {@link System#nanoTime}; null: as long as it holds
     */
    private record Refusal(String sentence, Long until) {}

    private volatile Refusal refusal;

    public TupleInForce(Tuple first) {
        composed = new Composed(first, first.names(), null);
    }

    public Tuple tuple() {
        return composed.tuple();
    }

    public RegionStatus.Providers names() {
        return composed.names();
    }

    /** Why no provider tracks stores; null where they do. */
    public String untracked() {
        return composed.untracked();
    }

    public Optional<RegionStatus.Swap> last() {
        return Optional.ofNullable(last);
    }

    /** @param untracked why the tuple tracks nothing, or null */
    public RegionStatus.Swap change(Tuple next, long gateNanoseconds, String reason, String untracked) {
        RegionStatus.Providers before = composed.names();
        composed = new Composed(next, next.names(), untracked);
        last = new RegionStatus.Swap(Instant.now(), before, next.names(), gateNanoseconds, reason);
        refusal = null;
        return last;
    }

    /** A swap did not happen that is still to happen when it can. */
    public void refuse(String sentence) {
        refusal = new Refusal(sentence, null);
    }

    /** A swap did not happen, and whoever asked for it knows. */
    public void refuseForNow(String sentence, Duration shown) {
        refusal = new Refusal(sentence, System.nanoTime() + shown.toNanos());
    }

    /** What was asked for last is in force. */
    public void forgetRefusal() {
        refusal = null;
    }

    /** What an operator should know of it. */
    public List<String> remarks() {
        Composed now = composed;
        List<String> sentences = new ArrayList<>(now.tuple().remarks());
        if (now.untracked() != null) {
            sentences.add("degraded, stores are not tracked: " + now.untracked()
                    + "; a commit compares every block that was stored to");
        }
        Refusal refused = refusal;
        if (refused != null && (refused.until() == null || refused.until() - System.nanoTime() > 0)) {
            sentences.add(refused.sentence());
        }
        return sentences;
    }
}
