// SPDX-License-Identifier: Apache-2.0
package org.vellum.runtime.swap;

import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.vellum.api.RegionEvents;
import org.vellum.api.RegionStatus;
import org.vellum.api.provider.Store;
import org.vellum.runtime.providers.Tuple;
import org.vellum.runtime.services.RegionContext;

/**
 * The providers of one open region, and how they came into force. Each change, and each that is refused, is one line in the log
 * and one event. Changed by whoever holds the region's control lock, read by anyone.
 */
public final class TupleInForce {
    private static final System.Logger LOGGER = System.getLogger(TupleInForce.class.getName());

    /** @param untracked why no provider tracks stores; null where they do */
    private record Composed(Tuple tuple, RegionStatus.Providers names, String untracked) {}

    private final RegionContext region;
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

    TupleInForce(RegionContext region, Tuple first) {
        this.region = region;
        composed = new Composed(first, first.names(), null);
    }

    Tuple tuple() {
        return composed.tuple();
    }

    public RegionStatus.Providers names() {
        return composed.names();
    }

    /** Whether providers track its stores. */
    public boolean isTracked() {
        return composed.untracked() == null;
    }

    /** The last swap that came about. */
    public Optional<RegionStatus.Swap> last() {
        return Optional.ofNullable(last);
    }

    // Changes

    /** Other providers that track are in force. */
    RegionStatus.Swap swapped(Tuple next, long gateNanoseconds, String reason) {
        return change(next, null, gateNanoseconds, reason, Level.INFO, RegionEvents.SWAPPED);
    }

    /** No providers that track are in force any more. */
    RegionStatus.Swap degraded(long gateNanoseconds, String reason) {
        Tuple next = composed.tuple().untracked();
        return change(next, reason, gateNanoseconds, reason, Level.WARNING, RegionEvents.DEGRADED);
    }

    /** The store is another one. */
    RegionStatus.Swap swappedStore(Store next, String reason) {
        Composed now = composed;
        return change(now.tuple().withStore(next), now.untracked(), 0, reason, Level.INFO, RegionEvents.SWAPPED);
    }

    /** There is no store any more. */
    RegionStatus.Swap lostStore(String reason) {
        Composed now = composed;
        return change(now.tuple().withStore(null), now.untracked(), 0, reason, Level.WARNING, RegionEvents.DEGRADED);
    }

    private RegionStatus.Swap change(
            Tuple next, String untracked, long gateNanoseconds, String reason, Level level, String topic) {
        RegionStatus.Providers before = composed.names();
        composed = new Composed(next, next.names(), untracked);
        RegionStatus.Swap swap = new RegionStatus.Swap(Instant.now(), before, next.names(), gateNanoseconds, reason);
        last = swap;
        refusal = null;
        LOGGER.log(
                level,
                "{0} goes on with {1} instead of {2}: {3}; writers were stopped for {4} µs",
                region.subject(),
                swap.to(),
                swap.from(),
                reason,
                Long.toString(gateNanoseconds / 1000));
        region.post(
                topic,
                Map.of(
                        RegionEvents.REGION, region.name(),
                        RegionEvents.PREVIOUS_PROVIDERS, swap.from().toString(),
                        RegionEvents.PROVIDERS, swap.to().toString(),
                        RegionEvents.GATE_NANOSECONDS, gateNanoseconds,
                        RegionEvents.MESSAGE, reason));
        return swap;
    }

    /** A swap did not happen that is still to happen when it can; what is in force stays. */
    void refuse(String sentence) {
        refusal = new Refusal(sentence, null);
        announceRefusal(sentence);
    }

    /** A swap did not happen, and whoever asked for it knows: the status says so for a while. */
    void refuseForNow(String sentence, Duration shown) {
        refusal = new Refusal(sentence, System.nanoTime() + shown.toNanos());
        announceRefusal(sentence);
    }

    private void announceRefusal(String sentence) {
        LOGGER.log(Level.WARNING, sentence);
        region.post(
                RegionEvents.SWAP_REFUSED,
                Map.of(
                        RegionEvents.REGION, region.name(),
                        RegionEvents.PROVIDERS, names().toString(),
                        RegionEvents.MESSAGE, sentence));
    }

    /** What was asked for last is in force, so that no refusal before it matters any more. */
    void forgetRefusal() {
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
